"use strict";

const byId = (id) => document.getElementById(id);

/** An element with text and children. */
function element(name, text = "", ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

const wordsOf = (input) => input.value.toLowerCase().split(/\s+/).filter(Boolean);

// Tables are sorted by a click on a column: up, down, then as they were; and filtered by row.

function sortable(table) {
  const bodies = [...table.tBodies];
  const sorted = table.appendChild(document.createElement("tbody"));
  sorted.hidden = true;
  const rows = bodies.flatMap((body) => [...body.rows].filter((row) => row.dataset.name));
  const homes = new Map(rows.map((row) => [row, row.parentElement]));
  const heads = [...table.tHead.rows[0].cells];

  function sort(index, direction) {
    const key = (row) => {
      const cell = row.cells[index];
      return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
    };
    const missing = (value) => value === "--" || value === "";
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if (missing(x) || missing(y)) return missing(x) - missing(y);
      const numbers = typeof x === "number" && typeof y === "number";
      return direction * (numbers ? x - y : String(x).localeCompare(String(y)));
    };
    sorted.append(...[...rows].sort(compare));
  }

  heads.forEach((head, index) => {
    head.querySelector("button.sort").addEventListener("click", () => {
      const next = { none: "descending", descending: "ascending", ascending: "none" };
      const order = next[head.getAttribute("aria-sort")];
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", order);
      rows.forEach((row) => homes.get(row).append(row));
      if (order !== "none") sort(index, order === "ascending" ? 1 : -1);
      bodies.forEach((body) => { body.hidden = order !== "none"; });
      sorted.hidden = order === "none";
    });
  });
}

function filterable(input) {
  const tables = [...input.closest("details").querySelectorAll("table")];
  input.addEventListener("input", () => {
    const words = wordsOf(input);
    for (const body of tables.flatMap((table) => [...table.tBodies])) {
      const rows = [...body.rows].filter((row) => row.dataset.name);
      for (const row of rows) {
        const text = `${row.dataset.group} ${row.dataset.name}`.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
      body.querySelectorAll("tr:has(.group)").forEach((title) => {
        title.hidden = rows.every((row) => row.hidden);
      });
    }
  });
}

/** The tab key stops once at a table; arrows lead from button to button. */
function roving(table) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };
  const buttons = () => [...table.querySelectorAll("button")].filter((one) => one.offsetParent);
  [...table.querySelectorAll("button")].forEach((one, i) => { one.tabIndex = i ? -1 : 0; });
  table.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    const here = event.target;
    if (!step || here.tagName !== "BUTTON") return;
    const place = (button) => button.closest("td, th").cellIndex;
    const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
    const line = buttons().filter((one) => !vertical || place(one) === place(here));
    const next = line[line.indexOf(here) + step];
    if (!next) return;
    event.preventDefault();
    here.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("table.sortable, table.verdict").forEach(roving);
document.querySelectorAll("input.filter").forEach(filterable);

// A cell opens what stands behind it.

const origins = JSON.parse(byId("origins").textContent);
const details = byId("details");

/** Answers (columns) to records with each right answer (rows). */
function confusionTable(confusion) {
  const answers = [...new Set(Object.entries(confusion).flatMap(([right, given]) => [right, ...Object.keys(given)]))];
  const head = element("tr", "", element("th", "Right answer"), ...answers.map((answer) => element("th", answer)));
  const rows = Object.entries(confusion).map(([right, given]) =>
    element("tr", "", element("th", right), ...answers.map((answer) => element("td", String(given[answer] || 0)))));
  const table = element("table", "", element("thead", "", head), element("tbody", "", ...rows));
  table.className = "confusion";
  return table;
}

function factsOf(scores) {
  const facts = document.createElement("dl");
  facts.className = "facts";
  for (const [name, value] of Object.entries(scores)) {
    const shown = typeof value === "object" ? element("dd", "", confusionTable(value)) : element("dd", value);
    facts.append(element("dt", name), shown);
  }
  return facts;
}

/** What a cell's own model answered to the sample records of its task and setting. */
function sampleList(task, setting, model) {
  const list = document.createElement("ul");
  for (const sample of document.querySelectorAll(".sample")) {
    if (sample.dataset.task !== task || sample.dataset.setting !== setting) continue;
    const answer = [...sample.querySelectorAll("[data-model]")].find((one) => one.dataset.model === model);
    if (!answer) continue;
    const link = element("a", sample.querySelector("pre").textContent.slice(0, 70));
    link.href = `#${sample.id}`;
    link.addEventListener("click", () => {
      details.close();
      reveal(sample);
    });
    list.append(element("li", `${answer.dataset.verdict}: `, link));
  }
  return list;
}

/** What a cell is of: it says so itself, or stands in a table of scores. */
function aboutCell(button) {
  if (button.dataset.task) return button.dataset;
  const cell = button.closest("td");
  const row = cell.parentElement;
  const table = cell.closest("table");
  const head = table.tHead.rows[0].cells[cell.cellIndex];
  return { setting: table.dataset.setting, task: head.dataset.key, model: row.dataset.name, title: head.dataset.title };
}

function show(button) {
  const { setting, task, model, title } = aboutCell(button);
  const content = byId("details-content");
  byId("details-title").textContent = `${model}, ${title}: ${button.textContent}`;
  content.replaceChildren();
  const files = button.dataset.files.split(" ").map((number) => origins[Number(number)]);
  for (const file of files.filter((one) => one.scores[setting])) content.append(factsOf(file.scores[setting]));
  const samples = sampleList(task, setting, model);
  if (samples.children.length) content.append(element("h3", "Sample records"), samples);
  content.append(element("h3", "Files"));
  for (const file of files) {
    content.append(element("p", file.path));
    if (file.sha256) content.append(element("p", "sha256 ", element("code", file.sha256)));
  }
  details.showModal();
  details.scrollTop = 0;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.cell");
  if (button) show(button);
  else if (event.target === details) details.close();
});

// Samples are filtered by task, model, outcome and words; the chosen model's wrong ones come first.

const samples = [...document.querySelectorAll(".sample")];
const texts = new Map(samples.map((sample) => [sample, sample.textContent.toLowerCase()]));
const [ofTask, ofModel, ofOutcome, query] = ["of-task", "of-model", "of-outcome", "query"].map(byId);

function choose() {
  const words = wordsOf(query);
  const right = (sample) => {
    const answer = [...sample.querySelectorAll("[data-model]")].find((one) => one.dataset.model === ofModel.value);
    return answer && answer.dataset.verdict === "right";
  };
  for (const sample of samples) {
    const asked = !ofTask.value || sample.dataset.task === ofTask.value;
    const outcome = !ofOutcome.value || right(sample) === (ofOutcome.value === "right");
    sample.hidden = !(asked && outcome && words.every((word) => texts.get(sample).includes(word)));
  }
  byId("sample-list").append(...samples.filter((one) => right(one) === false), ...samples.filter((one) => right(one) !== false));
  const shown = samples.filter((sample) => !sample.hidden).length;
  byId("count").textContent = `${shown} of ${samples.length} shown`;
}

function reveal(sample) {
  if (sample.hidden) {
    [ofTask.value, ofOutcome.value, query.value] = [sample.dataset.task, "", ""];
    choose();
  }
  sample.focus();
}

if (query) {
  query.form.addEventListener("submit", (event) => event.preventDefault());
  query.form.addEventListener("input", choose);
  choose();
}

// On paper nothing can be opened.

addEventListener("beforeprint", () => {
  document.querySelectorAll("details.part").forEach((one) => { one.open = true; });
});

"use strict";

const byId = (id) => document.getElementById(id);

/** An element with text and children. */
function element(name, text = "", ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

// Tables are sorted by a click on a column: up, down, then as they were; and filtered by row.

function sortable(table) {
  const bodies = [...table.tBodies];
  const sorted = table.appendChild(document.createElement("tbody"));
  sorted.hidden = true;
  const rows = bodies.flatMap((body) => [...body.rows].filter((row) => row.dataset.name));
  const homes = new Map(rows.map((row) => [row, row.parentElement]));
  const heads = [...table.tHead.rows[0].cells];

  function restore() {
    rows.forEach((row) => homes.get(row).append(row));
  }

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
    restore();
    sorted.append(...[...rows].sort(compare));
  }

  heads.forEach((head, index) => {
    const button = head.querySelector("button.sort");
    if (!button) return;
    button.addEventListener("click", () => {
      const next = { none: "descending", descending: "ascending", ascending: "none" };
      const order = next[head.getAttribute("aria-sort")];
      heads.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", order);
      if (order === "none") restore();
      else sort(index, order === "ascending" ? 1 : -1);
      bodies.forEach((body) => { body.hidden = order !== "none"; });
      sorted.hidden = order === "none";
    });
  });
}

function filterable(input) {
  const tables = [...input.closest("section").querySelectorAll("table")];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
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

document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("input.filter").forEach(filterable);

// A cell opens what stands behind it.

const origins = JSON.parse(byId("origins").textContent);
const details = byId("details");

/** What a cell's own model answered to the sample records of its task and setting. */
function sampleList(task, setting, model) {
  const list = document.createElement("ul");
  for (const sample of document.querySelectorAll(".sample")) {
    if (sample.dataset.task !== task || sample.dataset.setting !== setting) continue;
    const answer = [...sample.querySelectorAll(".answers tr")].find((row) => row.dataset.model === model);
    if (!answer) continue;
    const link = element("a", sample.querySelector("summary .excerpt").textContent);
    link.href = `#${sample.id}`;
    link.addEventListener("click", () => {
      details.close();
      sample.open = true;
    });
    list.append(element("li", `${answer.dataset.verdict}: `, link));
  }
  return list;
}

function factsOf(scores) {
  const facts = document.createElement("dl");
  facts.className = "facts";
  for (const [name, value] of Object.entries(scores)) {
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    facts.append(element("dt", name), element("dd", text));
  }
  return facts;
}

function show(button) {
  const cell = button.closest("td");
  const row = cell.parentElement;
  const table = cell.closest("table");
  const head = table.tHead.rows[0].cells[cell.cellIndex];
  const setting = table.dataset.setting;
  const files = button.dataset.files.split(" ").map((number) => origins[Number(number)]);
  const content = byId("details-content");
  content.replaceChildren(element("h2", `${row.dataset.name}, ${head.dataset.title}: ${button.textContent}`));
  for (const file of files) {
    const part = element("section", "", element("h3", file.path));
    if (file.sha256) part.append(element("p", "sha256 ", element("code", file.sha256)));
    if (file.scores[setting]) part.append(factsOf(file.scores[setting]));
    content.append(part);
  }
  const samples = sampleList(head.dataset.key, setting, row.dataset.name);
  if (samples.children.length) content.append(element("h3", "Sample records"), samples);
  details.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.cell");
  if (button) show(button);
  else if (event.target === details) details.close();
});

// Samples are searched.

const query = byId("query");
if (query) {
  const count = byId("count");
  const samples = [...document.querySelectorAll(".sample")];
  const texts = samples.map((sample) => sample.textContent.toLowerCase());
  const search = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    samples.forEach((sample, i) => { sample.hidden = !words.every((word) => texts[i].includes(word)); });
    document.querySelectorAll(".task").forEach((task) => {
      task.hidden = !task.querySelector(".sample:not([hidden])");
    });
    count.textContent = `${samples.filter((sample) => !sample.hidden).length} of ${samples.length} shown`;
  };
  query.form.addEventListener("submit", (event) => event.preventDefault());
  query.addEventListener("input", search);
  search();
}

"""Checks whether the hub lets a run fetch its weights and data, and under which licences."""

from collections.abc import Iterator, Mapping, Sequence

from ecslm.preflight.findings import Finding, error, ok, shortened, warning
from ecslm.preflight.hub import Repository, cached_folder, endpoint, token_name
from ecslm.preflight.planned_run import PlannedRun
from ecslm.preflight.servers import Reply

REFUSED = frozenset({"gated", "unknown", "no revision", "bad token"})


def check_access(run: PlannedRun) -> Iterator[Finding]:
    """Whether each repository can be read, and whether its licence is the configured one."""
    replies = {one: run.replies[one] for one in run.repositories}
    if not replies:
        yield ok("nothing is to be fetched from the Hugging Face hub")
        return
    if read := [reply for reply in replies.values() if reply.state == "ok"]:
        yield ok(_summary(read))
    refused = [_refusal(one, reply) for one, reply in replies.items() if reply.state in REFUSED]
    # One token may be refused for all.
    yield from dict.fromkeys(refused)
    yield from _unreachable(run.plan.study.name, replies)
    for one, reply in replies.items():
        yield from _licence(one, reply)


def _summary(found: Sequence[Reply]) -> str:
    licences = sorted({reply.license or "none that is told" for reply in found})
    number = f"{len(found)} {'repository' if len(found) == 1 else 'repositories'}"
    return f"{number} of {endpoint()} can be read; licences: {', '.join(licences)}"


def _refusal(one: Repository, reply: Reply) -> Finding:
    page = f"{endpoint()}/{'datasets/' if one.kind == 'dataset' else ''}{one.id}"
    tokens, token = f"{endpoint()}/settings/tokens", token_name()
    match reply.state:
        case "gated" if token is None:
            return error(
                f"{one.id} is gated, and there is no token",
                one.where,
                f"accept its licence at {page}, and set HF_TOKEN to a token of that account, which "
                f"{tokens} makes",
            )
        case "gated":
            return error(
                f"{one.id} is gated, and the account of the token in {token} has no access",
                one.where,
                f"accept its licence at {page}, and give the token the right to read gated "
                f"repositories at {tokens}",
            )
        case "bad token":
            return error("the hub refuses it", str(token), f"make a new one at {tokens}")
        case "no revision":
            return error(
                f"{one.id} has no revision {one.revision}",
                f"{one.where}.revision",
                f"take one of {page}/commits/main",
            )
        case _:
            return error(
                f"the hub has no {one.kind} {one.id}, or shows it only to others",
                f"{one.where}.id",
                "correct it"
                if token is not None
                else "correct it or, if the repository is private, set HF_TOKEN",
            )


def _unreachable(study: str, replies: Mapping[Repository, Reply]) -> Iterator[Finding]:
    """A line for each reason, since one is mostly that of all."""
    lost: dict[str, list[Repository]] = {}
    for one, reply in replies.items():
        if reply.state == "unreachable":
            lost.setdefault(reply.reason, []).append(one)
    for reason, those in lost.items():
        yield error(
            f"cannot be reached ({reason}), but the run needs what is not here yet "
            f"({shortened([one.where for one in those])}); access and licences are not checked",
            endpoint(),
            f"connect or, on a machine with a connection, run `snakemake --config study={study} -- "
            "bases datasets` and copy its `results`",
        )
        for one in those:
            if one.kind == "model" and (folder := cached_folder(one)) is not None:
                yield warning(
                    "its files are in the cache of the hub, but a run asks for its commit",
                    one.where,
                    f"without a connection, set it to {{source: path, path: {folder}}}",
                )


def _licence(one: Repository, reply: Reply) -> Iterator[Finding]:
    if one.license and reply.license and one.license.casefold() != reply.license.casefold():
        of_base = one.where.startswith("bases.")
        yield warning(
            f"{one.license}, but {reply.license} on {endpoint()}",
            f"licenses.{one.where.removeprefix('bases.')}" if of_base else f"{one.where}.license",
            "correct it",
        )

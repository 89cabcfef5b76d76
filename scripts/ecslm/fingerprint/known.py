"""Facts about names outside of the project, and the modules that cannot affect a result.

A wrong line here can hide a change of a result: when in doubt, leave a name out.
"""

# Modules that change no file that a result is compared by: where they are used counts, what they do
# does not.
LEFT_OUT = {
    "ecslm.common.devices": "which of the machine's GPUs a job computes on, and when",
    "ecslm.common.locks": "which process may use a directory, and when",
    "ecslm.common.logs": "messages for people",
    "ecslm.common.worker": "where a process that keeps a model for a run listens, when it ends, "
    "and how it hands on messages, whose two ends check that they mean the same",
    "ecslm.common.plain_words": "in which words a value is told to be wrong",
    "ecslm.common.printing": "how what is printed is written, and that nobody may read it",
    "ecslm.common.row_problems": "in how few lines the problems of many rows are told",
    "ecslm.common.usage": "which command lines are refused",
    "ecslm.fingerprint": "digests of code, which stop a job or let it go on",
    "ecslm.models.cost": "what a job cost, in cost.json alone",
    "ecslm.prediction.shown_progress": "the progress of a prediction, for people",
    "ecslm.reports.difference_summary": "what differences.py and compare.py print of what they "
    "write",
    "ecslm.reports.score_summary": "what score.py prints of the scores that it writes",
    "ecslm.training.progress": "the progress of a training, for people",
}

# Calls that only build a value out of their arguments.
CONSTRUCTORS = frozenset(
    f"builtins.{name}"
    for name in (
        *("bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object"),
        *("range", "set", "slice", "str", "tuple", "type"),
        *("abs", "chr", "divmod", "format", "getattr", "hasattr", "isinstance", "issubclass"),
        *("len", "max", "min", "ord", "pow", "repr", "round", "sorted", "sum", "all", "any"),
        *("bytes.fromhex", "dict.fromkeys", "str.maketrans"),
    )
) | {
    *("re.compile", "re.escape", "pathlib.Path", "pathlib.PurePath", "decimal.Decimal"),
    *("fractions.Fraction", "datetime.timedelta", "uuid.UUID", "json.dumps", "json.JSONDecoder"),
    *("json.JSONEncoder", "logging.getLogger", "string.Template", "types.MappingProxyType"),
    *("collections.Counter", "collections.OrderedDict", "collections.defaultdict"),
    *("collections.deque", "collections.namedtuple", "operator.attrgetter", "math.sqrt"),
    *("operator.itemgetter", "operator.methodcaller", "functools.partial", "math.log"),
    *("dataclasses.field", "enum.auto", "contextlib.ExitStack", "contextvars.ContextVar"),
    *("threading.Lock", "threading.RLock", "threading.local"),
    *("typing.TypeVar", "typing.NewType", "typing.ParamSpec", "typing.get_args", "typing.cast"),
    *("pydantic.AfterValidator", "pydantic.BeforeValidator", "pydantic.ConfigDict"),
    *("pydantic.Field", "pydantic.PlainSerializer", "pydantic.PrivateAttr"),
    *("pydantic.StringConstraints", "pydantic.TypeAdapter", "pydantic.Discriminator"),
}

# Calls that give an iterator: fine as an argument, which takes all of it at once.
ITERATORS = frozenset(
    f"builtins.{name}" for name in ("enumerate", "filter", "map", "reversed", "zip")
) | {"itertools.chain", "itertools.product", "itertools.pairwise", "itertools.repeat"}

# Methods that leave what they are called on as it is, whatever of Python's own types that is.
METHODS = frozenset(
    {
        *("as_posix", "casefold", "count", "decode", "encode", "endswith", "format", "fromkeys"),
        *("get", "index", "items", "join", "joinpath", "keys", "lower", "partition"),
        *("removeprefix", "removesuffix", "replace", "resolve", "rpartition", "rsplit", "split"),
        *("splitlines", "startswith", "strip", "title", "upper", "values", "with_name"),
        "with_suffix",
    }
)

# Functions that only call their first argument: they look at neither its name nor its annotations.
CALLS_ITS_FIRST = frozenset({"builtins.filter", "builtins.map"})

# Decorators that neither register a function nor read its annotations.
DECORATORS = frozenset(
    {
        *("builtins.classmethod", "builtins.property", "builtins.staticmethod"),
        *("abc.abstractmethod", "contextlib.asynccontextmanager", "contextlib.contextmanager"),
        *("functools.cache", "functools.cached_property", "functools.lru_cache"),
        *("functools.total_ordering", "functools.wraps", "dataclasses.dataclass"),
        *("enum.unique", "typing.final", "typing.overload", "typing.override"),
        *("typing.runtime_checkable", "pydantic.field_validator", "pydantic.model_validator"),
        *("torch.inference_mode", "torch.no_grad"),
    }
)
# Those that read annotations as well.
READING_DECORATORS = frozenset(
    {
        *("functools.singledispatch", "pydantic.computed_field", "pydantic.field_serializer"),
        *("pydantic.model_serializer", "pydantic.validate_call"),
    }
)

# Base classes that do nothing when a class is derived from them, besides all of `builtins`.
BASES = frozenset(
    {
        *("abc.ABC", "argparse.Action", "argparse.Namespace", "ast.NodeTransformer"),
        *("ast.NodeVisitor", "enum.Enum", "enum.IntEnum", "enum.StrEnum", "json.JSONDecoder"),
        *("json.JSONEncoder", "logging.Filter", "logging.Formatter", "logging.Handler"),
        *("pydantic.BaseModel", "pydantic.RootModel", "threading.Thread", "torch.nn.Module"),
        *("torch.utils.data.Dataset", "transformers.Trainer", "transformers.TrainerCallback"),
        *("typing.Generic", "typing.NamedTuple", "typing.Protocol", "typing.TypedDict"),
    }
)
# Of those, the ones whose classes are made by Python or pydantic out of their fields.
OF_FIELDS = frozenset({"typing.NamedTuple", "pydantic.BaseModel", "enum.Enum", "enum.StrEnum"})
# Methods that run when a class is derived, or when an object is made.
HOOKS = frozenset(
    {
        *("__init__", "__init_subclass__", "__new__", "__post_init__", "__set_name__"),
        *("__class_getitem__", "__pydantic_init_subclass__", "model_post_init", "__del__"),
    }
)

# Log calls, and calls in their arguments that change nothing.
LEVELS = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})
LOOKS = frozenset(
    f"builtins.{name}"
    for name in (
        *("abs", "bool", "chr", "float", "format", "hasattr", "int", "isinstance", "len"),
        *("ord", "repr", "round", "str", "type"),
    )
) | {"pathlib.Path", "sys.stderr.isatty", "sys.stdout.isatty"}
# Those that take all items of an argument: harmless if it gives them each time.
TAKES = frozenset(
    f"builtins.{name}"
    for name in (
        *("all", "any", "dict", "enumerate", "frozenset", "list", "max", "min", "reversed", "set"),
        *("sorted", "sum", "tuple", "zip"),
    )
)
VIEWS = frozenset({"items", "keys", "values"})

# Keyword arguments that are words, by what is called.
HELP = frozenset({"description", "epilog", "help", "metavar"})
PARSER_METHODS = frozenset(
    {"ArgumentParser", "add_argument", "add_argument_group", "add_parser", "add_subparsers"}
)
SCHEMA_WORDS = frozenset({"description", "title"})
BAR = frozenset(
    {
        *("ascii", "bar_format", "colour", "delay", "desc", "disable", "dynamic_ncols", "leave"),
        *("maxinterval", "mininterval", "miniters", "ncols", "position", "postfix", "smoothing"),
        *("unit", "unit_divisor", "unit_scale"),
    }
)

# Errors whose arguments are words alone.
WORDED = frozenset(
    {"AssertionError", "NotImplementedError", "RuntimeError", "TypeError", "ValueError"}
)
INPUT_ERROR, PROBLEM = "InputError", "Problem"
# Functions that show an error to a person, or make an `InputError` of it.
REPORTERS = frozenset({"exit_with", "field_problems"})
# Where these are defined.
HOMES = ("ecslm.common.errors", "ecslm.common.cli")

# Functions that do more with a caught error than to raise another one, but nothing else in the end.
REPORTING = {
    "ecslm.common.rows.read_rows": "collects the problems of rows in the error that it raises",
    "ecslm.training.run._fit_part": "leaves the problems to the job, which raises them",
}

# Names whose use says that a program reads its own words, by the kind of words.
SCHEMAS = frozenset({"model_json_schema", "models_json_schema"})
SOURCES = frozenset({"getsource", "getsourcelines"})
READS = {
    "annotation": SOURCES
    | {
        *("__annotations__", "get_annotations", "get_type_hints", "getfullargspec"),
        *("signature", "validate_call"),
    },
    "doc": SCHEMAS | SOURCES | {"__doc__", "getdoc"},
    "help": SOURCES | {"format_help", "format_usage", "print_help", "print_usage"},
    "schema": SCHEMAS | SOURCES,
    # The names of definitions, and of their modules.
    "name": SOURCES | {"__module__", "__qualname__"},
}
# With these, code that uses a name of `SCHEMA_WORDS` may read the words of fields one by one.
FIELDS = frozenset({"__fields__", "__pydantic_fields__", "model_fields"})
# Names whose use says that a program reads errors that it did not catch by `except ... as`.
READS_ERRORS = SOURCES | {
    *("__cause__", "__exit__", "exc_info", "format_exc", "format_exception"),
}
# With these in a module, any of its names may be used; with the last, if they stand outside of
# functions and are given nothing.
READS_NAMES = frozenset({"compile", "eval", "exec", "globals"})
READS_NAMES_HERE = frozenset({"builtins.dir", "builtins.locals", "builtins.vars"})
ANY_NAME = "any name of this module"
# Functions that load a module by its name.
LOADERS = frozenset({"builtins.__import__", "importlib.import_module"})
ALL_MODULES = "sys.modules"

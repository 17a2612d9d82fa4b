"""The part of W&B's record schema that postrun reads, as one table.

Field numbers and types are those of `wandb_internal.proto` (SDK 0.31; older SDKs use a subset of
it). A test compares this table with the descriptors that the real SDK carries.

Kinds: `str`, `int` (varint), `sint` (zigzag varint), `bool`, `double`, or the name of another
message here; a `*` after the kind marks a repeated field.
"""

from __future__ import annotations

from postrun.sources.telemetry import FEATURES, IMPORTS

Schema = dict[int, tuple[str, str]]

#: Fields of `Record` by number.
RECORD: dict[int, str] = {
    2: "history",
    3: "summary",
    4: "output",
    5: "config",
    6: "files",
    7: "stats",
    8: "artifact",
    10: "alert",
    11: "telemetry",
    12: "metric",
    13: "output_raw",
    17: "run",
    18: "exit",
    23: "preempting",
    25: "use_artifact",
    26: "environment",
}

MESSAGES: dict[str, Schema] = {
    "Timestamp": {1: ("seconds", "int"), 2: ("nanos", "int")},
    "HistoryItem": {
        1: ("key", "str"),
        2: ("nested_key", "str*"),
        3: ("none", "int"),
        4: ("boolean", "bool"),
        5: ("integer", "sint"),
        6: ("number", "double"),
        7: ("text", "str"),
        8: ("json", "str"),
        16: ("value_json", "str"),
    },
    "HistoryStep": {1: ("num", "int")},
    "SummaryItem": {1: ("key", "str"), 2: ("nested_key", "str*"), 16: ("value_json", "str")},
    "SummaryRecord": {1: ("update", "SummaryItem*"), 2: ("remove", "SummaryItem*")},
    "ConfigItem": {1: ("key", "str"), 2: ("nested_key", "str*"), 16: ("value_json", "str")},
    "ConfigRecord": {1: ("update", "ConfigItem*"), 2: ("remove", "ConfigItem*")},
    "StatsItem": {1: ("key", "str"), 16: ("value_json", "str")},
    "StatsRecord": {2: ("timestamp", "Timestamp"), 3: ("item", "StatsItem*")},
    "OutputRecord": {
        1: ("output_type", "int"),
        2: ("timestamp", "Timestamp"),
        3: ("line", "str"),
    },
    "OutputRawRecord": {
        1: ("output_type", "int"),
        2: ("timestamp", "Timestamp"),
        3: ("line", "str"),
    },
    "FilesItem": {1: ("path", "str"), 3: ("type", "int")},
    "FilesRecord": {1: ("files", "FilesItem*")},
    "ArtifactRecord": {
        4: ("type", "str"),
        5: ("name", "str"),
        6: ("digest", "str"),
        11: ("aliases", "str*"),
    },
    "UseArtifactRecord": {1: ("id", "str"), 2: ("type", "str"), 3: ("name", "str")},
    "AlertRecord": {1: ("title", "str"), 2: ("text", "str"), 3: ("level", "str")},
    "MetricOptions": {1: ("step_sync", "bool"), 2: ("hidden", "bool"), 3: ("defined", "bool")},
    "MetricSummary": {
        1: ("min", "bool"),
        2: ("max", "bool"),
        3: ("mean", "bool"),
        4: ("best", "bool"),
        5: ("last", "bool"),
        6: ("none", "bool"),
        7: ("copy", "bool"),
        8: ("first", "bool"),
    },
    "MetricRecord": {
        1: ("name", "str"),
        2: ("glob_name", "str"),
        4: ("step_metric", "str"),
        5: ("step_metric_index", "int"),
        6: ("options", "MetricOptions"),
        7: ("summary", "MetricSummary"),
        8: ("goal", "int"),
    },
    "GitRepoRecord": {1: ("remote_url", "str"), 2: ("commit", "str")},
    "Imports": {number: (name, "bool") for number, name in IMPORTS.items()},
    "Feature": {number: (name, "bool") for number, name in FEATURES.items()},
    "BranchPoint": {1: ("run", "str"), 2: ("value", "double"), 3: ("metric", "str")},
    "TelemetryRecord": {
        1: ("imports_init", "Imports"),
        2: ("imports_finish", "Imports"),
        3: ("feature", "Feature"),
        4: ("python_version", "str"),
        5: ("cli_version", "str"),
        6: ("huggingface_version", "str"),
        12: ("core_version", "str"),
        13: ("platform", "str"),
    },
    "RunRecord": {
        1: ("run_id", "str"),
        2: ("entity", "str"),
        3: ("project", "str"),
        4: ("config", "ConfigRecord"),
        5: ("summary", "SummaryRecord"),
        6: ("run_group", "str"),
        7: ("job_type", "str"),
        8: ("display_name", "str"),
        9: ("notes", "str"),
        10: ("tags", "str*"),
        12: ("sweep_id", "str"),
        13: ("host", "str"),
        14: ("starting_step", "int"),
        17: ("start_time", "Timestamp"),
        18: ("resumed", "bool"),
        19: ("telemetry", "TelemetryRecord"),
        20: ("runtime", "int"),
        21: ("git", "GitRepoRecord"),
        23: ("branch_point", "BranchPoint"),
    },
    "RunExitRecord": {1: ("exit_code", "int"), 2: ("runtime", "int")},
    "MemoryInfo": {1: ("total", "int")},
    "GpuNvidiaInfo": {1: ("name", "str"), 2: ("memory_total", "int")},
    "EnvironmentRecord": {
        1: ("os", "str"),
        2: ("python", "str"),
        5: ("args", "str*"),
        6: ("program", "str"),
        7: ("code_path", "str"),
        9: ("git", "GitRepoRecord"),
        12: ("host", "str"),
        13: ("username", "str"),
        14: ("executable", "str"),
        16: ("cpu_count", "int"),
        17: ("cpu_count_logical", "int"),
        18: ("gpu_type", "str"),
        19: ("gpu_count", "int"),
        21: ("memory", "MemoryInfo"),
        24: ("gpu_nvidia", "GpuNvidiaInfo*"),
        25: ("cuda_version", "str"),
    },
}

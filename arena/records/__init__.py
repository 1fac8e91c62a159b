"""Frozen data that crosses seams. No behaviour beyond what follows from the fields.

Digests are sha256 over canonical JSON (sorted keys, no blanks), so they do not depend on the
machine, on file times or on key order.
"""

from arena.records.agent import AgentCapabilities
from arena.records.backend import (
    BackendSpec,
    ContestantSpec,
    ErrorRule,
    FxRate,
    PeakWindow,
    PriceRow,
    PriceTier,
    Quirks,
    RateLimits,
)
from arena.records.base import (
    Api,
    Assurance,
    CallOutcome,
    CostStatus,
    Difficulty,
    Evidence,
    Language,
    Message,
    Record,
    Stop,
    TestOutcome,
    Tokens,
    Verdict,
    digest_of,
    json_of,
)
from arena.records.call import CallBegin, CallEnd, Reply, ToolCall, ToolSpec, Usage
from arena.records.limits import Budget, Limits, SandboxLimits
from arena.records.outcome import Brief, Ending, Fault, Flag, TrialRecord, TrialSpec, Verification
from arena.records.sandbox import Change, Entry, ExecResult, File
from arena.records.task import Task, TestPlan

__all__ = [
    "AgentCapabilities",
    "Api",
    "Assurance",
    "BackendSpec",
    "Brief",
    "Budget",
    "CallBegin",
    "CallEnd",
    "CallOutcome",
    "Change",
    "ContestantSpec",
    "CostStatus",
    "Difficulty",
    "Ending",
    "Entry",
    "ErrorRule",
    "Evidence",
    "ExecResult",
    "Fault",
    "File",
    "Flag",
    "FxRate",
    "Language",
    "Limits",
    "Message",
    "PeakWindow",
    "PriceRow",
    "PriceTier",
    "Quirks",
    "RateLimits",
    "Record",
    "Reply",
    "SandboxLimits",
    "Stop",
    "Task",
    "TestOutcome",
    "TestPlan",
    "Tokens",
    "ToolCall",
    "ToolSpec",
    "TrialRecord",
    "TrialSpec",
    "Usage",
    "Verdict",
    "Verification",
    "digest_of",
    "json_of",
]

"""Frozen data that crosses seams. No behaviour beyond what follows from the fields.

Digests are sha256 over canonical JSON (sorted keys, no blanks), so they do not depend on the
machine, on file times or on key order.
"""

from arena.records.backend import (
    AgentCapabilities,
    BackendSpec,
    ContestantSpec,
    EffortRule,
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
    EffortLevel,
    Evidence,
    Language,
    Message,
    Provenance,
    Record,
    ReportForm,
    Stop,
    TestOutcome,
    Tokens,
    Verdict,
    digest_of,
    json_of,
)
from arena.records.outcome import (
    Brief,
    Budget,
    CallBegin,
    CallEnd,
    Ending,
    Fault,
    Flag,
    Limits,
    RacePlan,
    RaceRules,
    Reply,
    SandboxLimits,
    ToolCall,
    ToolSpec,
    TrialRecord,
    TrialSpec,
    Usage,
    Verification,
)
from arena.records.task import (
    Change,
    Composition,
    Entry,
    ExecResult,
    File,
    Service,
    Task,
    TaskHead,
    TestPlan,
)

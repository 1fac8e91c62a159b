"""The words the shell agent uses. They are part of every contestant's identity."""

SYSTEM = """\
Session {nonce}.
You are a software engineer who repairs a bug in a repository by running shell commands."""

TASK = """\
The repository is in {workdir}, which is also where every command starts.

<issue>
{problem_statement}
</issue>

Change the source so that the behaviour described in the issue is right in general, not only for
the example in it. Hidden tests will check it. Do not change tests or test configuration: such
changes are discarded. There is no network.

How to work: look at the code, reproduce the problem, make the change, run the tests, submit.
{how}
Each command runs in a fresh shell: working directory and variables do not carry over, files do.
A command is ended after {command_seconds:g} seconds. You have at most {steps} turns.
"""

HOW_TOOLS = """\
Call the tool `bash` to run a command, and the tool `submit` when the work is done."""

HOW_TEXT = """\
To run a command, answer with exactly one fenced block:

```bash
your command here
```

When the work is done, answer with a fenced block that holds the one word `submit`."""

BASH_DESCRIPTION = "Run a command with bash in the repository and return its output."
SUBMIT_DESCRIPTION = "Say that the work is done. The repository as it is now is graded."

NO_CALL_TOOLS = """\
That reply held no tool call. Call `bash` with a command, or `submit` when the work is done."""
NO_CALL_TEXT = """\
That reply held no ```bash block, or more than one. Answer with exactly one, holding a command,
or the one word submit when the work is done."""
UNKNOWN_TOOL = "There is no tool called {name!r}. The tools are `bash` and `submit`."
NOT_JSON = """\
The arguments of that call are not a JSON object ({error}). Send {{"command": "..."}}."""
NO_COMMAND = 'The call had no text in "command". Send {"command": "..."}.'
TRUNCATED = "The reply was cut at the output limit. Answer more briefly, in smaller steps."
CUT = "\n[... {dropped} characters left out ...]\n"
TIMED_OUT = "the command was ended after {seconds:g} seconds"
CONTAINER_ENDED = "the sandbox has ended"

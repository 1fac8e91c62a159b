# %% [markdown]
# # A run in a notebook
#
# Open this file as a notebook (Jupytext, VS Code) or run it: `python docs/notebook.py RUN`.
# It needs `pip install 'arena-bakeoff[tables]'`. Every number of the report's first screen is
# computed again here from the tidy tables alone.

# %%
import sys

import pandas as pd

import arena

run = arena.load(sys.argv[1] if len(sys.argv) > 1 else "runs/demo")
trials = run.trials.to_pandas()
calls = run.calls.to_pandas()
contestants = run.contestants.to_pandas().set_index("contestant")

# %% [markdown]
# ## What is in a table
# One row a trial, call, test or contestant; unknown is null, never 0.

# %%
for column in run.trials.describe():
    print(f"{column['column']:22} {column['type']:9} {column['unit']:10} {column['meaning']}")

# %% [markdown]
# ## Pass rate
# The task is the unit: first the share passed of each task's attempts, then the mean over tasks.
# Trials without a verdict are missing, not failed; control tasks that nobody can pass do not count.

# %%
tasks = run.tasks.to_pandas()
counted = trials["task_id"].isin(tasks.loc[tasks["scored"], "task_id"])
scored = trials[trials["verdict"].notna() & counted]
by_task = scored.groupby(["contestant", "task_id"])
pass_rate = by_task["passed"].mean().groupby("contestant").mean()

# %% [markdown]
# ## What a solved task costs
# Failed attempts are paid for too. The report ranks on the standard-cache cost, which counts as
# cached exactly what a trial repeated.

# %%
spent = scored.groupby("contestant")["cost_standard_usd"].sum(min_count=1)
solved = scored.groupby("contestant")["passed"].sum()
per_solved_usd = spent / solved.where(solved > 0)

# %% [markdown]
# ## The same numbers as the report

# %%
for name, row in contestants[~contestants["control"] & (contestants["scored"] > 0)].iterrows():
    cost = per_solved_usd[name]
    price = f"${cost:.3g} per solved task" if pd.notna(cost) else "cost unknown"
    print(f"{name:24} {pass_rate[name]:6.1%} passed   {price}")
    assert abs(pass_rate[name] - row["pass_rate"]) < 1e-9
    if row["cost_basis"] == "standard" and row["passed"]:
        assert abs(cost / row["cost_per_solved_usd"] - 1) < 1e-9

# %% [markdown]
# ## Where the tokens went

# %%
tokens = calls.groupby("contestant")[["input_tokens", "cached_input_tokens", "output_tokens"]].sum()
print(tokens.assign(cached_share=tokens["cached_input_tokens"] / tokens["input_tokens"]))

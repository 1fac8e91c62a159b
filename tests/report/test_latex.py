"""What goes into a paper compiles there as it is: LaTeX with booktabs and nothing else."""

import re
import subprocess

from arena.report import exports
from arena.report.scored import score
from arena.score.load import load
from tests.report.cast import Actor, cast
from tests.report.make_run import make_run

PAPER = r"""\documentclass{article}
\usepackage[margin=2.5cm]{geometry}
\usepackage{booktabs}
\begin{document}
Table~\ref{tab:arena-%s} shows it.
%s
\end{document}
"""
ODD = "[x] 100% & 中文 Ünïcode − × ≥ … “q” ~^_#{}$<>|\\input Ðþ\u0301"


def compiled(folder, text: str, label: str) -> str:
    """The log of a document with the table in it; `tests/setup-latex.sh` installs the program."""
    (folder / "paper.tex").write_text(PAPER % (label, text), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    for _ in range(2):  # the second run knows the table's number
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    log = (folder / "paper.log").read_text(encoding="latin-1")
    assert done.returncode == 0, log[-2000:]
    assert (folder / "paper.pdf").stat().st_size > 10_000
    return log


def test_the_table_of_a_run_compiles_and_fits(scored, tmp_path):
    text = exports.export(scored, "latex").decode()
    log = compiled(tmp_path, text, "nightly")
    assert not re.search(r"Overfull|undefined|Missing character", log)


def test_the_caption_stands_alone(scored):
    (caption,) = re.findall(r"\\caption\{(.*)\}", exports.export(scored, "latex").decode())
    assert caption.startswith("Pass rate, cost in US dollars and time of 8 contestants on 12 ")
    for said in ("3 attempts each", "2026-11-22", r"95\% Wilson intervals", "run nightly"):
        assert said in caption


def test_text_of_others_compiles_too(tmp_path):
    odd = [
        Actor(a.spec.model_copy(update={"name": f"{ODD} {i}"}), a.skill)
        for i, a in enumerate(cast()[2:4])
    ]
    run = make_run(tmp_path / "run", tasks=2, attempts=1, actors=odd, name=ODD, files=False)
    text = exports.export(score(load(run)), "latex").decode()
    assert "U+4E2D" in text, "what no font may hold is spelled out"
    (label,) = re.findall(r"\\label\{tab:arena-(.*)\}", text)
    compiled(tmp_path, text, label)

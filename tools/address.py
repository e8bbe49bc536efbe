"""Where the suite is published: one value in pyproject.toml, from which every link is made."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cells import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

COLAB = "https://colab.research.google.com"
KAGGLE = "https://kaggle.com"
BINDER = "https://mybinder.org"
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")
REMOTE = re.compile(r"(?:https://|ssh://)?(?:\w+@)?github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?")
NOWHERE = (
    "*To run it: open it in JupyterLab, Notebook, VS Code or a hosted notebook service;\n"
    "the set-up cell finds the library.*"
)


@dataclass(frozen=True)
class Address:
    """A public repository and the branch or tag that readers get; empty: not published."""

    repository: str = ""
    revision: str = "main"

    def __post_init__(self) -> None:
        if self.repository and not GITHUB.fullmatch(self.repository):
            raise ValueError(
                f"[tool.nclib] repository is {self.repository!r}; "
                "expected https://github.com/OWNER/NAME, or nothing"
            )

    @property
    def name(self) -> str:
        """``OWNER/NAME``."""
        return self.repository.removeprefix("https://github.com/")

    @property
    def archive(self) -> str:
        """The address that pip installs; empty while nothing is published."""
        return f"{self.repository}/archive/{self.revision}.zip" if self.repository else ""

    def badges(self, notebook: str) -> str:
        """The links, one a line, that open ``notebook`` (a path in the repository) elsewhere."""
        if not self.repository:
            return NOWHERE
        place = f"{self.name}/blob/{self.revision}/{notebook}"
        binder = f"{self.name}/{self.revision}?labpath={notebook}"
        return "\n".join(
            (
                f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{place})",
                f"[![Open in Kaggle]({KAGGLE}/static/images/open-in-kaggle.svg)]"
                f"({KAGGLE}/kernels/welcome?src=https://github.com/{place})",
                f"[![Open in Binder]({BINDER}/badge_logo.svg)]({BINDER}/v2/gh/{binder})",
            )
        )


def read_address(pyproject: Path = ROOT / "pyproject.toml") -> Address:
    """The address under ``[tool.nclib]``."""
    table = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}).get("nclib", {})
    return Address(table.get("repository", ""), table.get("revision", "main"))


def adopt_remote(pyproject: Path = ROOT / "pyproject.toml") -> str:
    """Write the git remote ``origin`` as the address, if there is none yet; what was done.

    Raises:
        ValueError: if there is no such remote, or it is not on GitHub.
    """
    if (here := read_address(pyproject)).repository:
        return f"the address is {here.repository}; edit it in {pyproject.name} to change it"
    git = ["git", "-C", str(pyproject.parent), "remote", "get-url", "origin"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    match = REMOTE.fullmatch(done.stdout.strip())
    if match is None:
        found = repr(done.stdout.strip()) if done.returncode == 0 else "no remote called origin"
        raise ValueError(f"found {found}; expected a git remote on github.com")
    url = f"https://github.com/{match[1]}"
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(text.replace('repository = ""', f'repository = "{url}"', 1), "utf-8")
    return f"the address is {url} now; run: python tools/nb.py stamp"

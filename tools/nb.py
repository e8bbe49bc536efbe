"""Chores on notebooks: the .py is the source, the .ipynb beside it is written from it.

python tools/nb.py stamp            write every notebook's .ipynb
python tools/nb.py check            are they what stamp would write? (bytes)
python tools/nb.py lint             the house rules, on the .py
python tools/nb.py page NOTEBOOK    execute, and write one self-contained HTML page
python tools/nb.py slides NOTEBOOK  execute, and write lecture slides, one HTML page
python tools/nb.py site             build/site: all pages, and an index
python tools/nb.py portable         dist/portable: notebooks that carry what they use of the library
python tools/nb.py student          dist/student: without solutions; instructor: solutions open
python tools/nb.py adopt SAVED      take a notebook saved by Colab back into its .py
python tools/nb.py address          copy the git remote's address into pyproject.toml, once
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from address import read_address
from cells import ROOT, shown, sources

TOUR = ROOT / "notebooks" / "00_tour.py"


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.verb(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nb.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in (_stamp, _check, _lint, _portable, _student, _instructor):
        one = verbs.add_parser(verb.__name__[1:], help=verb.__doc__)
        one.add_argument("paths", nargs="*", type=Path, help="notebooks or folders (default: all)")
        one.set_defaults(verb=verb)
    page = verbs.add_parser("page", help=_page.__doc__)
    page.add_argument("paths", nargs="+", type=Path, metavar="NOTEBOOK", help=".py or .ipynb")
    page.add_argument("--out", type=Path, default=Path("build"), help="folder for the pages")
    page.add_argument("--execute-to", type=Path, help="folder for the executed notebooks, too")
    page.set_defaults(verb=_page)
    slides = verbs.add_parser("slides", help=_slides.__doc__)
    slides.add_argument("path", nargs="?", type=Path, default=TOUR, metavar="NOTEBOOK")
    slides.add_argument("--out", type=Path, default=Path("build"), help="folder for the page")
    slides.set_defaults(verb=_slides)
    site = verbs.add_parser("site", help=_site.__doc__)
    site.add_argument("paths", nargs="*", type=Path, help="notebooks (default: all)")
    site.add_argument("--out", type=Path, default=Path("build/site"), help="folder for the pages")
    site.set_defaults(verb=_site)
    adopt = verbs.add_parser("adopt", help=_adopt.__doc__)
    adopt.add_argument("saved", type=Path, help="the .ipynb that a host saved")
    adopt.add_argument("--as", dest="name", help="notebook it is, such as 00_tour (else its name)")
    adopt.set_defaults(verb=_adopt)
    address = verbs.add_parser("address", help=_address.__doc__)
    address.set_defaults(verb=_address)
    return parser


def _stamp(options: argparse.Namespace) -> int:
    """Write each .ipynb from its .py; refresh set-up cell and badges in both."""
    from stamp import stamp

    found = sources(options.paths)
    changed = [path for source in found for path in stamp(source, read_address())]
    for path in changed:
        print(f"wrote {shown(path)}")
    print(f"{len(found)} notebooks, {len(changed)} files changed")
    return 0


def _check(options: argparse.Namespace) -> int:
    """Compare each .ipynb with what stamp would write, byte by byte."""
    from stamp import check

    found = sources(options.paths)
    complaints = check(found, read_address())
    for complaint in complaints:
        print(complaint)
    if complaints:
        print(
            "run: python tools/nb.py stamp   (edit the .py; adopt changes made in an .ipynb first)"
        )
    else:
        print(f"{len(found)} notebooks are as stamped")
    return int(bool(complaints))


def _lint(options: argparse.Namespace) -> int:
    """Check the house rules on each .py, and count words and lines."""
    from lint import lint, sizes

    found = sources(options.paths)
    findings = [finding for source in found for finding in lint(source)]
    for finding in findings:
        print(finding)
    print(sizes(found))
    return int(bool(findings))


def _portable(options: argparse.Namespace) -> int:
    """Write notebooks that carry what they use of the library and of the recorded runs."""
    from stamp import notebook

    return _copies("portable", notebook, options.paths)


def _student(options: argparse.Namespace) -> int:
    """Write portable notebooks without solutions and teaching notes, with the checks."""
    from copies import student

    return _copies("student", student, options.paths)


def _instructor(options: argparse.Namespace) -> int:
    """Write portable notebooks with everything, solutions unfolded."""
    from copies import instructor

    return _copies("instructor", instructor, options.paths)


def _copies(kind: str, make: Callable[[str], dict[str, Any]], paths: list[Path]) -> int:
    from copies import portable
    from stamp import to_bytes

    folder = ROOT / "dist" / kind
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources(paths):
        text = source.read_text(encoding="utf-8")
        made = to_bytes(portable(text, make(text)))
        target = folder / f"{source.stem}.ipynb"
        target.write_bytes(made)
        digest = hashlib.sha256(made).hexdigest()
        print(f"{digest}  {shown(target)}  {len(made) / 1000:.0f} kB")
    return 0


def _adopt(options: argparse.Namespace) -> int:
    """Write a saved notebook's changes into its .py, without what the host put in."""
    from copies import adopted

    name = options.name or options.saved.stem
    source = ROOT / "notebooks" / f"{name}.py"
    if not source.is_file():
        raise ValueError(f"there is no notebooks/{name}.py; say which with --as, such as 00_tour")
    text = adopted(options.saved.read_text(encoding="utf-8"), source.read_text(encoding="utf-8"))
    source.write_text(text, encoding="utf-8")
    print(f"wrote {shown(source)}; look at the change, then: ruff format, nb.py stamp")
    return 0


def _address(_: argparse.Namespace) -> int:
    """Copy the git remote's address into pyproject.toml, if none is there."""
    from address import adopt_remote

    print(adopt_remote())
    return 0


def _page(options: argparse.Namespace) -> int:
    """Execute notebooks and write one self-contained HTML page each."""
    from page import write_page

    for path in options.paths:
        print(f"wrote {shown(write_page(path, options.out, options.execute_to))}")
    return 0


def _slides(options: argparse.Namespace) -> int:
    """Execute a notebook (default: the tour) and write its slides, one self-contained page."""
    from slides import write_slides

    print(f"wrote {shown(write_slides(options.path, options.out))}")
    return 0


def _site(options: argparse.Namespace) -> int:
    """Execute notebooks and write their pages and an index."""
    from site_pages import write_site

    for path in write_site(sources(options.paths), options.out):
        print(f"wrote {shown(path)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

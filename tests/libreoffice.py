"""LibreOffice, as a person would use it: opens our workbooks, and saves what it sees.

A machine without it fails the tests that ask for it: `.ci/run` says what to install.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

# Comma, quotation mark, UTF-8, cells as they are shown, a file for every sheet ("Filter Options
# for CSV Filter", LibreOffice's help).
_EVERY_SHEET = "44,34,76,1,,0,false,true,true,false,false,-1"
_FILTERS = {
    "csv": f"csv:Text - txt - csv (StarCalc):{_EVERY_SHEET}",
    "pdf": "pdf:calc_pdf_Export",
    "xlsx": "xlsx:Calc MS Excel 2007 XML",
    "ods": "ods:calc8",
    "xls": "xls:MS Excel 97",
    "html": "html:HTML (StarCalc)",
}
_PATIENCE = 50  # seconds; a start takes 2 to 4 on a machine with nothing else to do


def converted(path: Path, kind: str, folder: Path, password: str | None = None) -> list[Path]:
    """Open a workbook and save it in another form.

    Args:
        path: the workbook.
        kind: "pdf", "xlsx", "ods", "xls" or "html"; or "csv": a file for every sheet,
            `<stem>-<sheet>.csv`.
        folder: where the files go.
        password: with which it is opened; then "pdf" or "xlsx". A wrong one is asked for again,
            of nobody: that ends with the patience.

    Returns:
        The files written, in the order of their names; none when it could not be opened.
    """
    if password is None:
        _office("--convert-to", _FILTERS[kind], "--outdir", str(folder), str(path))
    else:
        _install_the_macro()
        target = (folder / f"{path.stem}.{kind}").as_uri()
        wanted = _FILTERS[kind].partition(":")[2]
        _office(f"macro:///Standard.Opening.Convert({path.as_uri()},{target},{wanted},{password})")
    stem = f"{path.stem}-*" if kind == "csv" else path.stem
    return sorted(folder.glob(f"{stem}.{kind}"))


def sheets(path: Path, folder: Path) -> dict[str, list[list[str]]]:
    """Return each sheet's cells, as they are shown; empty ones at a row's end are left out."""
    told = {}
    for file in converted(path, "csv", folder):
        with file.open(encoding="utf-8", newline="") as text:
            rows = [without_empty_end(row) for row in csv.reader(text)]
        told[file.stem.removeprefix(f"{path.stem}-")] = without_empty_end(rows)
    return told


def without_empty_end(values: list) -> list:
    """Return them without the last ones, if those hold nothing."""
    kept = len(values)
    while kept and not values[kept - 1]:
        kept -= 1
    return values[:kept]


def pages(pdf: Path) -> list[str]:
    """Return the text of each page, laid out as it is seen."""
    command = ["pdftotext", "-layout", str(pdf), "-"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PATIENCE)
    return ran.stdout.split("\f")[:-1]


def _office(*arguments: str) -> None:
    profile = f"-env:UserInstallation={_profile().as_uri()}"
    office = subprocess.Popen(
        ["soffice", "--headless", "--norestore", profile, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what is started starts another one
    )
    try:
        assert office.wait(_PATIENCE) == 0
    finally:
        if office.returncode is None:
            os.killpg(office.pid, signal.SIGKILL)
            office.wait()


@cache
def _profile() -> Path:
    """Make a user's profile for this process: two LibreOffices cannot share one."""
    folder = TemporaryDirectory(prefix="libreoffice-")
    _KEPT.append(folder)
    return Path(folder.name)


@cache
def _install_the_macro() -> None:
    _office("--terminate_after_init")  # the first start of all puts its own macros there
    basic = _profile() / "user" / "basic"
    for name, content in _MACRO.items():
        (basic / name).write_text(content, "utf-8")


_KEPT: list[TemporaryDirectory[str]] = []  # removed when the process ends

# LibreOffice's command line has no way to give a password; a macro has.
_LIBRARY = 'xmlns:library="http://openoffice.org/2000/library"'
_LINK = 'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:type="simple"'
_NAMED = 'library:name="Standard" library:readonly="false" library:passwordprotected="false"'
_MACRO = {
    "script.xlc": f"""<?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE library:libraries PUBLIC
          "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "libraries.dtd">
        <library:libraries {_LIBRARY}>
         <library:library library:name="Standard" {_LINK} library:link="false"
           xlink:href="$(USER)/basic/Standard/script.xlb/"/>
        </library:libraries>""",
    "Standard/script.xlb": f"""<?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE library:library PUBLIC
          "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
        <library:library {_LIBRARY} {_NAMED}>
         <library:element library:name="Opening"/>
        </library:library>""",
    "Standard/Opening.xba": """<?xml version="1.0" encoding="UTF-8"?>
        <!DOCTYPE script:module PUBLIC
          "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
        <script:module xmlns:script="http://openoffice.org/2000/script" script:name="Opening"
          script:language="StarBasic">
        Sub Convert(source, target, filter, password)
          Dim opening(1) As New com.sun.star.beans.PropertyValue
          opening(0).Name = "Hidden"
          opening(0).Value = True
          opening(1).Name = "Password"
          opening(1).Value = password
          document = StarDesktop.loadComponentFromURL(source, "_blank", 0, opening())
          If IsNull(document) Then Exit Sub
          Dim saving(0) As New com.sun.star.beans.PropertyValue
          saving(0).Name = "FilterName"
          saving(0).Value = filter
          document.storeToURL(target, saving())
          document.close(True)
        End Sub
        </script:module>""",
}
for _name, _content in _MACRO.items():  # an XML declaration stands at the very beginning
    _MACRO[_name] = _content.replace("\n        ", "\n")

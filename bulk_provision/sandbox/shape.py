"""The shape of an answer: where its code stands, and how it is written.

code_in   success                     error
status    HTTP 200, code in the body  HTTP 400, no code in the body
body      HTTP 200, code in the body  HTTP 200, code in the body
both      HTTP 200, code in the body  HTTP 400, code in the body

code_form cmi: "cmi-400"   text: "400"   number: 400
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from aiohttp import web

from bulk_provision.sandbox.options import CodeForm, CodeIn
from bulk_provision.sandbox.vendor import Answer

SOMEBODY_ELSE = "somebody-else"


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write the vendor's answers."""

    code_in: CodeIn
    code_form: CodeForm

    def status(self, answer: Answer) -> int:
        """The HTTP status of an answer."""
        return 200 if self.code_in is CodeIn.BODY else answer.code

    def body(self, answer: Answer) -> bytes:
        """The JSON of an answer, in ASCII: anything else is written as its escape."""
        if answer.code != 200 and self.code_in is CodeIn.STATUS:
            return self.body_without_code(answer)
        return json.dumps({"code": self._code(answer.code), **answer.fields}).encode()

    def body_without_code(self, answer: Answer) -> bytes:
        """The JSON of an answer that does not say its code."""
        return json.dumps(dict(answer.fields)).encode()

    def body_naming_another(self, answer: Answer) -> bytes:
        """The JSON of an answer that is about somebody else."""
        return self.body(answer._replace(fields={**answer.fields, "username": SOMEBODY_ELSE}))

    def body_with_duplicate_keys(self, answer: Answer) -> bytes:
        """The JSON of an answer that first says the contrary."""
        contrary = 400 if answer.code == 200 else 200
        first = json.dumps({"code": self._code(contrary), "username": SOMEBODY_ELSE}).encode()
        return first[:-1] + b", " + self.saying_code_as(self.code_form).body(answer)[1:]

    def saying_code_as(self, form: CodeForm) -> Shape:
        """The same shape with a code in the body, written in this form."""
        code_in = CodeIn.BOTH if self.code_in is CodeIn.STATUS else self.code_in
        return replace(self, code_in=code_in, code_form=form)

    def response(self, answer: Answer) -> web.Response:
        """The answer as it is sent when nothing goes wrong."""
        return json_response(self.status(answer), self.body(answer))

    def _code(self, code: int) -> str | int:
        if self.code_form is CodeForm.CMI:
            return f"cmi-{code}"
        return code if self.code_form is CodeForm.NUMBER else str(code)


def json_response(status: int, body: bytes) -> web.Response:
    """Bytes that are sent as JSON, whatever they are."""
    return web.Response(status=status, body=body, content_type="application/json")


def html_page(status: int) -> web.Response:
    """An error page as a gateway in front of the vendor would send it."""
    response = web.Response(status=status, content_type="text/html")
    title = f"{status} {response.reason}"
    response.text = (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>\n"
        "<hr><center>sandbox gateway</center>\n</body>\n</html>\n"
    )
    return response

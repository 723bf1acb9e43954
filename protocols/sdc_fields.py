"""What SDC's messages are made of: elements and attributes of XML, the SOAP envelope with its addressing header."""

from __future__ import annotations

from collections.abc import Iterable

import boofuzz

from protocols.http_fields import Fields, text
from protocols.soap import ADDRESSING, SOAP11, SOAP12

SDC = "http://standards.ieee.org/downloads/11073/11073-20701-2018"
MESSAGE = "http://standards.ieee.org/downloads/11073/11073-10207-2017/message"
PARTICIPANT = "http://standards.ieee.org/downloads/11073/11073-10207-2017/participant"
MDPWS = "http://standards.ieee.org/downloads/11073/11073-20702-2016"
EVENTING = "http://schemas.xmlsoap.org/ws/2004/08/eventing"
DISCOVERY = "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"
DPWS = "http://docs.oasis-open.org/ws-dd/ns/dpws/2009/01"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
METADATA = "http://schemas.xmlsoap.org/ws/2004/09/mex"
ANONYMOUS = f"{ADDRESSING}/anonymous"
PREFIXES = {
    "wsa": ADDRESSING,
    "wse": EVENTING,
    "wsd": DISCOVERY,
    "wsx": METADATA,
    "dpws": DPWS,
    "mdpws": MDPWS,
    "msg": MESSAGE,
    "pm": PARTICIPANT,
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
CONTENT = [
    "", " ", "\n", "<", ">", "&", "&amp;", "&#0;", "&#x1F;", "&#xFFFF;", "&#1114112;", "&lol;", "&amp;lt;", "]]>",
    "<![CDATA[", "<![CDATA[x]]>", "<!-- -->", "<!--", "<?x?>", "<a/>", "<a>" * 100 + "</a>" * 100, "<q:a/>",
    '<a b="" b=""/>', "<a " + "".join(f'b{n}=""' for n in range(60)) + "/>", '<a xmlns="">x</a>', "\x01", "\x7f",
    "\ufffe", "\ud7ff", "é" * 100, "urn:uuid:0", "'", '"', "{0}", "${x}", "%n%s",
]  # fmt: skip
NUMBERS = [
    "", "-1", "-0", "+1", "0.0", ".5", "5.", "1e9", "1E-400", "0x10", "NaN", "INF", "-INF", "1,5", "1 2", "--1",
    "9" * 20, "9" * 400, "0." + "9" * 400, "-" + "9" * 40, "2147483648", "4294967296", "-2147483649",
    "9223372036854775808", "18446744073709551616", "1.7976931348623157E309",
]  # fmt: skip
DURATIONS = [
    "", "PT0S", "-PT1S", "P", "PT", "PT1", "P1Y", "P99999Y", "PT99999999999S", "PT0.001S", "PT1M1H", "60",
    "P1Y2M3DT4H5M6.7S", "2001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00",
]  # fmt: skip
XML = '<?xml version="1.0"?>'
ENTITIES = "".join(
    f'<!ENTITY {name} "{value}">' for name, value in (("a", "a" * 10), ("b", "&a;" * 8), ("c", "&b;" * 8))
)
DECLARATIONS = [
    "",
    " ",
    "\ufeff",
    "<?xml",
    '<?xml version="1.1"?>',
    '<?xml version="9.9"?>',
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<?xml version="1.0" encoding="x"?>',
    '<?xml version="1.0" standalone="x"?>',
    f'{XML}<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x">',
    f'{XML}<!DOCTYPE x SYSTEM "file:///dev/null">',
    f'{XML}<!DOCTYPE x [{ENTITIES}<!ATTLIST s12:Envelope y CDATA "&c;">]>',
]
VERSIONS = [SOAP11, "", "http://www.w3.org/2001/12/soap-envelope", "http://www.w3.org/2003/05/soap-envelope/"]


def content(name: str, value: str, *own: str) -> boofuzz.String:
    """What stands between two tags, or in quotes."""
    return text(name, value, *own, *CONTENT)


def element(prefix: str, name: str, *inside: boofuzz.Fuzzable, **attributes: str) -> boofuzz.Block:
    """An element in a block of its own; attributes are fields with their names."""
    start: list[boofuzz.Fuzzable] = [boofuzz.Delim(f"{name}_start", f"<{prefix}:{name}")]
    for own, value in attributes.items():
        start += [boofuzz.Static(f"{own}_quote", f' {own}="'), content(own, value), boofuzz.Static(f"{own}_end", '"')]
    if not attributes:
        start = [boofuzz.Delim(f"{name}_start", f"<{prefix}:{name}>")]
    else:
        start.append(boofuzz.Static(f"{name}_start_end", ">"))
    return boofuzz.Block(
        f"{name}_element", children=(*start, *inside, boofuzz.Delim(f"{name}_end", f"</{prefix}:{name}>"))
    )


def leaf(prefix: str, name: str, value: str, *own: str, **attributes: str) -> boofuzz.Block:
    """An element that holds a text; the field has the element's name."""
    return element(prefix, name, content(name, value, *own), **attributes)


def addressed(action: str, to: str, *more: boofuzz.Fuzzable, message_id: str) -> boofuzz.Block:
    """The addressing header (WS-Addressing 1.0 SOAP Binding; DPWS 1.1, 2.4)."""
    return element(
        "s12",
        "Header",
        leaf("wsa", "Action", action),
        leaf("wsa", "MessageID", message_id),
        leaf("wsa", "To", to),
        element("wsa", "ReplyTo", leaf("wsa", "Address", ANONYMOUS)),
        *more,
    )


def envelope(header: boofuzz.Block, body: Iterable[boofuzz.Fuzzable]) -> Fields:
    """The document: declaration, SOAP 1.2 envelope with every prefix declared, header, body."""
    declared = "".join(f' xmlns:{prefix}="{name}"' for prefix, name in PREFIXES.items())
    inside = (
        boofuzz.Static("Envelope_start", '<s12:Envelope xmlns:s12="'),
        text("Envelope_namespace", SOAP12, *VERSIONS),
        boofuzz.Delim("Envelope_prefixes", f'"{declared}>'),
        header,
        element("s12", "Body", *body),
        boofuzz.Delim("Envelope_end", "</s12:Envelope>"),
    )
    declaration = text("XML_declaration", '<?xml version="1.0" encoding="UTF-8"?>', *DECLARATIONS)
    return declaration, boofuzz.Block("Envelope", children=inside)

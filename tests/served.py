"""The service over real HTTP: a tiny dataset, a server in a thread, and a client that sends what it is told and nothing else."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pyoxigraph as ox

from covalue import __version__
from covalue.manifest import GraphInfo, Manifest, write_manifest
from covalue.stores import Store
from covalue.stores.oxigraph import OxigraphStore
from covalue.web.app import create_app
from covalue.web.connections import Patience
from covalue.web.server import listen

B = "https://w3id.org/covalue/"
G = B + "graph/"
PREFIXES = f"""
@prefix : <{B}> . @prefix case: <{B}case/tiny/> . @prefix vcc: <{B}ontology#> . @prefix vcs: <{B}scheme/> . @prefix graph: <{G}> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix sh: <http://www.w3.org/ns/shacl#> .
"""
DATA = (
    PREFIXES
    + f"""
graph:ontology {{
  <{B}ontology> a owl:Ontology ; rdfs:label "tiny ontology"@en , "小本体"@zh ; owl:versionIRI <{B}ontology/1.0.0> .
  vcc:Actor a owl:Class ; rdfs:label "actor"@en , "行动者"@zh ; skos:definition "Somebody who acts."@en , "采取行动者。"@zh .
  vcc:Firm a owl:Class ; rdfs:label "firm"@en , "企业"@zh ;
    rdfs:subClassOf vcc:Actor , [ a owl:Restriction ; owl:onProperty vcc:holds ; owl:someValuesFrom owl:Thing ] .
  vcc:holds a owl:ObjectProperty ; rdfs:label "holds"@en , "持有"@zh .
}}
graph:scheme\\/role {{
  vcs:role a skos:ConceptScheme ; rdfs:label "roles"@en , "角色"@zh .
  <{B}scheme/role/hub> a skos:Concept ; skos:inScheme vcs:role ; rdfs:label "hub"@en .
}}
graph:case\\/tiny {{
  <{B}case/tiny> a vcc:Case ; rdfs:label "a tiny case"@en , "小案例"@zh .
  case:mill a vcc:Firm ; rdfs:label "the mill"@en , "磨坊"@zh ; vcc:holds case:flour , [ rdfs:label "a cellar"@en ] ;
    rdfs:comment "<script>alert('x')</script> & \\"quoted\\"" ; rdfs:seeAlso <javascript:alert(1)> , <https://example.org/?a=1&b=2> .
  case:baker vcc:trades case:mill ; a vcc:Actor ; rdfs:label "baker"@en .
  case:flour a vcc:Resource ; vcc:grams 007 .
}}
graph:inferred\\/case\\/tiny {{ case:mill a vcc:Actor . }}
graph:shapes {{ <{B}shapes/Firm> a sh:NodeShape ; sh:targetClass vcc:Firm ; sh:property [ sh:path vcc:holds ; sh:minCount 1 ] . }}
graph:odd {{ <http://example.org/odd> rdfs:label "a\\u0001b" . <http://example.org/formula> rdfs:label "=1+1" . }}
"""
)
OUTSIDE = (G + "shapes", G + "odd")
FOLLOWERS = 1005
"""So many point at the hub: more than a description holds."""


def build_tiny(folder: Path) -> OxigraphStore:
    """The tiny dataset as an artefact in a folder, opened."""
    store = ox.Store()
    store.load(DATA.encode(), ox.RdfFormat.TRIG)
    role, hub, graph = ox.NamedNode(B + "ontology#role"), ox.NamedNode(B + "scheme/role/hub"), ox.NamedNode(G + "case/crowd")
    store.extend(ox.Quad(ox.NamedNode(f"{B}case/crowd/p{i}"), role, hub, graph) for i in range(FOLLOWERS))
    lines = sorted(f"{quad} .\n" for quad in store)
    data = "".join(lines).encode()
    digest = hashlib.sha256(data).hexdigest()
    name = f"covalue-{digest[:16]}.nq"
    (folder / name).write_bytes(data)
    graphs = [GraphInfo(g, g[len(G) :].partition("/")[0], g not in OUTSIDE, sum(f" <{g}> .\n" in x for x in lines)) for g in sorted(x.value for x in store.named_graphs())]
    write_manifest(folder, Manifest(digest, "0" * 64, __version__, name, tuple(graphs)))
    return OxigraphStore.open(folder)


@dataclass(frozen=True)
class Reply:
    """An HTTP response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes = b""

    def __getitem__(self, name: str) -> str:
        return self.headers[name.lower()]

    def get(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]

    @property
    def vary(self) -> set[str]:
        return {v.strip().lower() for v in self.headers.get("vary", "").split(",")}

    def triples(self) -> set[ox.Triple]:
        """The statements of a body in any RDF format."""
        rdf = ox.RdfFormat.from_media_type(self.kind)
        assert rdf is not None, self.kind
        return {q.triple for q in ox.parse(self.body, format=rdf)}


class CutOffError(AssertionError):
    """An answer without its end; `reply` is what came of it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"the last chunk is missing: {reply.body[-300:]!r}")
        self.reply = reply


class Client:
    """Asks a server of this machine, over connections of its own."""

    port: int
    source = ""
    """The address to ask from; Linux has all of 127.0.0.0/8 for that."""
    patience = 60.0
    """Seconds that it waits for the next bytes."""

    def at(self, source: str) -> Client:
        """The same server, asked from another address."""
        other = Client()
        other.port, other.source = self.port, source
        return other

    def connect(self, timeout: float | None = None) -> socket.socket:
        """A connection, to do with as one pleases."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout or self.patience, source_address=(self.source, 0) if self.source else None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Reply:
        """One request; headers as keywords with underscores for hyphens. `Host` and `Content-Length` are added, nothing else."""
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in {"Host": f"127.0.0.1:{self.port}", **named}.items()), "Connection: close"]
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        return read(self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body), method)

    def send(self, data: bytes) -> bytes:
        """Raw bytes to the server, and whatever comes back until it closes."""
        with self.connect() as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def query(self, text: str, accept: str | None = None, **parameters: str) -> Reply:
        """A query by GET."""
        headers = {} if accept is None else {"Accept": accept}
        return self.ask("/sparql?" + urlencode({"query": text, **parameters}), **headers)

    def form(self, pairs: Iterable[tuple[str, str]], address: str = "/sparql", **headers: str) -> Reply:
        """A query by POST of a form."""
        return self.ask(address, "POST", urlencode(list(pairs)).encode(), **{"Content_Type": "application/x-www-form-urlencoded", **headers})

    def direct(self, body: bytes, address: str = "/sparql", kind: str = "application/sparql-query", **headers: str) -> Reply:
        """A query as the body of a POST."""
        return self.ask(address, "POST", body, **{"Content_Type": kind, **headers})


class Served(Client):
    """A store served on a free port by a thread that ends with the process."""

    def __init__(self, store: Store, *, proxies: int = 0, threads: int = 4, patience: Patience | None = None) -> None:
        self.app = create_app(store, proxies=proxies)
        self.store = store
        server = listen(self.app, "127.0.0.1", 0, threads, proxies=proxies, patience=patience)
        self.port = int(server.effective_port)
        threading.Thread(target=server.run, daemon=True).start()


def read(raw: bytes, method: str = "GET") -> Reply:
    """A response, taken apart."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    status, ended = int(first.split()[1]), True
    if headers.get("transfer-encoding") == "chunked" and method != "HEAD":
        body, ended = _dechunked(body)
    reply = Reply(status, headers, body, raw)
    if not ended:
        raise CutOffError(reply)
    return reply


def _dechunked(body: bytes) -> tuple[bytes, bool]:
    """What is in the chunks, and whether the last one is there."""
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        out, body = out + rest[:length], rest[length + 2 :]
        if length == 0:
            return out, True
    return out, False


def local(iri: str) -> str:
    """The path under which an IRI of ours answers."""
    return urlsplit(iri.removeprefix(B.rstrip("/"))).path


def enc(text: str) -> str:
    """Percent-encoded for a parameter."""
    return quote(text, safe="")

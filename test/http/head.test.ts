/** Request lines and fields that are refused or read in one way only (RFC 9112 2 to 5). */
import { type Case, closed, get, kept, ok, problem, refused, testCases } from "./_cases.ts";

/** A GET of `/echo` with these field lines behind Host. */
function withLines(lines: string): string {
  return `GET /echo HTTP/1.1\r\nHost: h\r\n${lines}\r\n`;
}

function badLines(code: string, lines: string): Case {
  return refused(400, code, JSON.stringify(lines), withLines(lines));
}

function badHead(code: string, bytes: string): Case {
  return refused(400, code, JSON.stringify(bytes), bytes);
}

const echoed = ok("GET ");

testCases("line ends", [
  badHead("bare_lf", "GET /echo HTTP/1.1\nHost: h\n\n"),
  badHead("bare_lf", "GET /echo HTTP/1.1\r\nHost: h\n\r\n"),
  badHead("bare_lf", "GET /echo HTTP/1.1\r\nHost: h\r\n\n"),
  badHead("bare_cr", "GET /echo HTTP/1.1\rHost: h\r\n\r\n"),
  badHead("bare_cr", "GET /echo HTTP/1.1\r\nHost: h\r\r\n\r\n"),
  badHead("bare_cr", "GET /echo HTTP/1.1\r\nHost: h\r\n\rX"),
  badHead("bare_cr", "GET /echo HTTP/1.1\r\nHost: h\r\n\r\rGET"),
  badLines("bare_cr", "X: y\rz\r\n"),
  badLines("bare_lf", "X: y\nTransfer-Encoding: chunked\r\n"),
  badLines("bare_lf", "X:\nContent-Length: 5\r\n"),
]);

testCases("fields", [
  badLines("folded_field", "X: y\r\n z\r\n"),
  badLines("folded_field", "X: y\r\n\tz\r\n"),
  badLines("space_before_colon", "X : y\r\n"),
  badLines("space_before_colon", "X\t: y\r\n"),
  badHead("space_before_field", "GET /echo HTTP/1.1\r\n Host: h\r\n\r\n"),
  badHead("space_before_field", "GET /echo HTTP/1.1\r\n\tHost: h\r\n\r\n"),
  badLines("bad_field_name", ": y\r\n"),
  ...["X\x00", "X\x01", "X\x7f", "X@", "X(", 'X"', "X/", "X{", "X\xe4", "\x85X"].map((name) =>
    badLines("bad_field_name", `${name}: y\r\n`),
  ),
  badLines("missing_colon", "X\r\n"),
  badLines("missing_colon", "X\n"),
  ...["\x00", "\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f", "\x7f"].map((byte) =>
    badLines("bad_field_value", `X: y${byte}z\r\n`),
  ),
  kept("opaque bytes and tabs", withLines("X: \x80\xff\xc3\xa4\ty\r\n"), echoed),
  kept("empty values and odd names", withLines("X:\r\nY: \t \r\n!#$%&'*+-.^_`|~9: z\r\n"), echoed),
]);

function badHost(host: string): Case {
  const bytes = `GET /echo HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  return refused(400, "bad_host", `Host ${JSON.stringify(host)}`, bytes);
}

function goodHost(host: string): Case {
  return kept(`Host ${host}`, `GET /host HTTP/1.1\r\nHost: ${host}\r\n\r\n`, ok(host));
}

testCases("Host", [
  refused(400, "missing_host", "none", "GET /echo HTTP/1.1\r\n\r\n"),
  refused(400, "missing_host", "none, absolute-form", "GET http://h/echo HTTP/1.1\r\n\r\n"),
  refused(400, "duplicate_host", "two equal ones", withLines("Host: h\r\n")),
  refused(400, "duplicate_host", "two different ones", withLines("host: other\r\n")),
  ...["", " \t ", "user@h", "user:pass@h", "h/path", "h?q", "h#f", "a,b", "a, b", "a b"].map(
    badHost,
  ),
  ...["h:port", "h:65536", "h:-1", ":80", "[::1", "[::1]x", "[g::1]", "\x85", '"h"', "h\\"].map(
    badHost,
  ),
  ...["h", "h:80", "h:", "a-b.c_d~", "%61.b", "127.0.0.1", "[::1]:8080", "[::ffff:1.2.3.4]"].map(
    goodHost,
  ),
]);

/** HTTP/1.0 is closed unless asked otherwise, so each case has its end. */
const lasting = { connection: "keep-alive" } as const;
const ending = { connection: "close" } as const;

testCases("HTTP/1.0 and other versions", [
  closed("1.0 without Host", "GET /echo HTTP/1.0\r\n\r\n", ok("GET ", ending)),
  closed("1.0 with Host", "GET /host HTTP/1.0\r\nHost: h\r\n\r\n", ok("h", ending)),
  closed(
    "1.0 that asks to be kept and closed",
    "GET /echo HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
    ok("GET ", ending),
  ),
  kept(
    "1.0 that asks to be kept",
    "GET /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    ok("GET ", lasting),
  ),
  kept(
    "1.0 with a body and an expectation gets no 100",
    "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n" +
      "Content-Length: 5\r\n\r\nhello",
    ok("POST hello", lasting),
  ),
  refused(
    400,
    "duplicate_host",
    "1.0 with two Hosts",
    "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
  ),
  kept("1.2 is read as 1.1", "GET /echo HTTP/1.2\r\nHost: h\r\n\r\n", echoed),
  badHead("missing_version", "GET /echo\r\n"),
  badHead("bad_method", "GET\r\n\r\n"),
  ...["HTTP/1.1x", "HTTP/1.11", "HTTP/1.", "HTTP/1", "HTTP/11", "HTTP/0.9", "http/1.1"].map(
    badVersion,
  ),
  ...["ICE/1.0", "HTTPS/1.1", "HTTP/1.1 ", "HTTP/1.a", "HTTP/+1.1", ""].map(badVersion),
  ...["HTTP/2.0", "HTTP/3.0", "HTTP/9.9"].map((version) =>
    refused(505, "version_not_supported", version, `GET /echo ${version}\r\nHost: h\r\n\r\n`),
  ),
  refused(505, "version_not_supported", "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  refused(400, "tls_client_hello", "TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
]);

function badVersion(version: string): Case {
  const bytes = `GET /echo ${version}\r\nHost: h\r\n\r\n`;
  return refused(400, "bad_version", JSON.stringify(version), bytes);
}

function badTarget(target: string): Case {
  const bytes = `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`;
  return refused(400, "bad_target", JSON.stringify(target), bytes);
}

testCases("targets", [
  ...["*", "foo", "h:443", "?q", "http://user@h/", "http:///echo", "http:/echo", "ftp:x"].map(
    badTarget,
  ),
  ...["/\x80", "/\xc3\xa4", "/\x00", "/\x01", "/\x1f", "/\x7f", "/\x0b"].map(badTarget),
  badHead("bad_target", "GET /echo\tHTTP/1.1\r\nHost: h\r\n\r\n"),
  badHead("bad_target", "POST * HTTP/1.1\r\nHost: h\r\n\r\n"),
  ...["/echo", "http://h/", "h", ":443", "h:", "*"].map((target) =>
    badHead("bad_target", `CONNECT ${target} HTTP/1.1\r\nHost: h\r\n\r\n`),
  ),
  badHead("fragment_in_target", "GET #frag HTTP/1.1\r\nHost: h\r\n\r\n"),
  badHead("fragment_in_target", "GET /echo#frag HTTP/1.1\r\nHost: h\r\n\r\n"),
  badHead("extra_space", "GET  /echo HTTP/1.1\r\nHost: h\r\n\r\n"),
  badHead("extra_space", "GET /echo  HTTP/1.1\r\nHost: h\r\n\r\n"),
  badHead("extra_space", "GET /echo HTTP 1.1\r\nHost: h\r\n\r\n"),
  badHead("bad_version", "GET /ec ho HTTP/1.1\r\nHost: h\r\n\r\n"),
  kept("8,000 bytes", get(`/item/${"a".repeat(7994)}`), ok("a".repeat(7994))),
  refused(414, "target_too_long", "20,000 bytes", get(`/item/${"a".repeat(20_000)}`)),
  refused(414, "target_too_long", "without end", `GET /${"a".repeat(40_000)}`),
  kept("absolute-form", "GET http://other/host HTTP/1.1\r\nHost: h\r\n\r\n", ok("other")),
  kept("absolute-form with a port", "GET http://o:8/host HTTP/1.1\r\nHost: h\r\n\r\n", ok("o:8")),
  kept(
    "absolute-form of nothing is /",
    "GET http://other HTTP/1.1\r\nHost: h\r\n\r\n",
    problem(404, "not_found"),
  ),
]);

function badPath(path: string): Case {
  const name = `${JSON.stringify(path)}: 400 bad_path`;
  return kept(name, get(path), problem(400, "bad_path"));
}

function item(raw: string, decoded: string): Case {
  return kept(`/item/${raw}`, get(`/item/${raw}`), ok(decoded));
}

const notFound = problem(404, "not_found");

testCases("paths", [
  ...["/item/%", "/item/%4", "/item/%zz", "/item/%4g", "/item/%%41", "/%u0041"].map(badPath),
  ...["/item/%00", "/item/a%00b", "/item/%ff", "/item/%c0%af", "/item/%ed%a0%80"].map(badPath),
  ...["/item/%e4", "/item/%f5%80%80%80", "/item/%c3"].map(badPath),
  ...["/.", "/..", "/files/./a", "/files/../a", "/files/a/..", "/../unseen"].map(badPath),
  ...["/%2e", "/files/%2e%2e/a", "/files/%2E./a", "/files/.%2e", "/%2e%2e/unseen"].map(badPath),
  item("a%20b", "a b"),
  item("%c3%a4", "\xc3\xa4"),
  item("a%2Fb", "a/b"),
  item("%252e%252e", "%2e%2e"),
  item("%0d%0aX:%20y", "\r\nX: y"),
  item("..%2F..", "../.."),
  item("...", "..."),
  item("\\..\\", "\\..\\"),
  item("%5c..%5c", "\\..\\"),
  kept("// is not merged", get("//good"), notFound),
  kept("// inside is not merged", get("/item//a"), notFound),
  kept("/a and /a/ differ", get("/good/"), notFound),
  kept("case matters", get("/Good"), notFound),
  kept("an escaped slash separates nothing", get("/item%2Fa"), notFound),
  kept("an escaped slash stays apart in a wildcard", get("/files/a%2Fb/c"), ok("a%2Fb/c")),
]);

const many = (count: number) => "X: y\r\n".repeat(count);

testCases("sizes", [
  refused(
    431,
    "head_too_large",
    "a head of 40,000 bytes",
    withLines(`X: ${"y".repeat(40_000)}\r\n`),
  ),
  refused(431, "head_too_large", "a name without end", `GET / HTTP/1.1\r\n${"x".repeat(40_000)}`),
  refused(431, "too_many_fields", "more than 128 fields", withLines(many(128))),
  kept("128 fields", withLines(many(127)), echoed),
  kept("a head of 30,000 bytes", withLines(`X: ${"y".repeat(30_000)}\r\n`), echoed),
]);

testCases(
  "a smaller limit for heads",
  [
    refused(431, "head_too_large", "one more", withLines(`X: ${"y".repeat(1024 - 33)}\r\n`)),
    kept("all of it", withLines(`X: ${"y".repeat(1024 - 36)}\r\n`), echoed),
  ],
  { headLimit: 1024 },
);

testCases("empty lines before the request line", [
  kept("a few", `\r\n\r\n${get("/echo")}`, echoed),
  kept("four", `\r\n\r\n\r\n\r\n${get("/echo")}`, echoed),
  refused(400, "too_many_empty_lines", "five", "\r\n\r\n\r\n\r\n\r\n"),
  badHead("bare_lf", "\nGET /echo HTTP/1.1\r\n"),
  badHead("bare_cr", "\rGET /echo HTTP/1.1\r\n"),
]);

const allow = { fields: "allow: GET, HEAD, OPTIONS\r\n" };
const notAllowed = problem(405, "method_not_allowed", allow);

const everyMethod = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";
const notAllowedAnywhere = problem(405, "method_not_allowed", {
  fields: `allow: ${everyMethod}\r\n`,
});

function noContent(methods: string): string {
  return `HTTP/1.1 204 No Content\r\nDate: *\r\nallow: ${methods}\r\n\r\n`;
}

function call(method: string, path: string): string {
  return `${method} ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
}

testCases("methods", [
  ...["G(T", "G\x00T", "G\xc3\x9fT", "G@T", " GET", "GET\t", ""].map((method) =>
    badHead("bad_method", call(method, "/echo")),
  ),
  refused(400, "method_too_long", "33 bytes", call("M".repeat(33), "/echo")),
  refused(400, "method_too_long", "without end", "M".repeat(200)),
  kept("32 bytes", call("M".repeat(32), "/echo"), ok(`${"M".repeat(32)} `)),
  kept("`all` takes any token", call("m!#$%&'*+-.^_`|~09", "/echo"), ok("m!#$%&'*+-.^_`|~09 ")),
  kept("registered, path unknown", call("DELETE", "/none"), notFound),
  kept("unknown, path unknown", call("BREW", "/none"), notFound),
  kept("TRACE, path unknown", call("TRACE", "/none"), notFound),
  kept("registered, path known", call("DELETE", "/good"), notAllowed),
  kept("registered long ago, path known", call("PROPFIND", "/good"), notAllowed),
  kept("unknown, path known", call("BREW", "/good"), problem(501, "not_implemented")),
  kept("methods are case-sensitive", call("get", "/good"), problem(501, "not_implemented")),
  kept("TRACE", call("TRACE", "/good"), notAllowed),
  kept("TRACE is not among `all`", call("TRACE", "/echo"), notAllowedAnywhere),
  kept("CONNECT", call("CONNECT", "h:443"), notAllowedAnywhere),
  kept("OPTIONS of a path", call("OPTIONS", "/good"), noContent("GET, HEAD, OPTIONS")),
  kept("OPTIONS of the server", call("OPTIONS", "*"), noContent(everyMethod)),
]);

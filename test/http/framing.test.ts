/** Where a message ends: Content-Length, Transfer-Encoding and chunks (RFC 9112 6 and 7). */
import { type Case, kept, ok, post, refused, streamed, testCases } from "./_cases.ts";

const chunkedLine = "Transfer-Encoding: chunked";
/** Chunks and all that ends them. */
const hello = "5\r\nhello\r\n0\r\n\r\n";

/** Whether its handler gets a body whole or as it comes. */
function testBoth(title: string, cases: readonly Case[]): void {
  testCases(title, cases);
  testCases(`${title}, a body that is streamed`, streamed(cases));
}

/** A chunked POST of these bytes. */
function chunked(body: string): string {
  return post([chunkedLine], body);
}

function badLength(value: string): Case {
  const bytes = post([`Content-Length: ${value}`], "hello");
  return refused(400, "bad_content_length", `Content-Length ${JSON.stringify(value)}`, bytes);
}

function badCoding(value: string): Case {
  const bytes = post([`Transfer-Encoding: ${value}`], hello);
  const name = `Transfer-Encoding ${JSON.stringify(value)}`;
  return refused(400, "bad_transfer_encoding", name, bytes);
}

testBoth("Content-Length", [
  ...["", "+5", "-5", "0x5", "5_0", "1Z", "4 2", "5, 5", "42, 42", "5,", "5.0", "5;a=b"].map(
    badLength,
  ),
  ...["18446744073709551616", "99999999999999999999999999"].map(badLength),
  refused(
    400,
    "duplicate_content_length",
    "two equal ones",
    post(["Content-Length: 5", "Content-Length: 5"], "hello"),
  ),
  refused(
    400,
    "duplicate_content_length",
    "two different ones",
    post(["Content-Length: 5", "content-length: 0"], "hello"),
  ),
  refused(
    413,
    "body_too_large",
    "the largest of 64 bits",
    post(["Content-Length: 18446744073709551615"], "hello"),
  ),
  kept("005 is decimal 5", post(["Content-Length: 005"], "hello"), ok("POST hello")),
  kept("010 is not octal", post(["Content-Length: 010"], "0123456789"), ok("POST 0123456789")),
  kept("white space around it", post(["Content-Length:\t 5 \t"], "hello"), ok("POST hello")),
  kept("0", post(["Content-Length: 0"]), ok("POST ")),
  kept("none, so no body", post([]), ok("POST ")),
]);

testBoth("Content-Length and Transfer-Encoding", [
  refused(
    400,
    "length_with_transfer_encoding",
    "length first",
    post(["Content-Length: 5", chunkedLine], hello),
  ),
  refused(
    400,
    "length_with_transfer_encoding",
    "coding first",
    post([chunkedLine, "Content-Length: 5"], hello),
  ),
  refused(
    400,
    "length_with_transfer_encoding",
    "a length of nothing",
    post(["Content-Length: 0", chunkedLine], hello),
  ),
  refused(
    400,
    "length_with_transfer_encoding",
    "beside a coding that is none",
    post(["Content-Length: 5", "Transfer-Encoding: identity"], "hello"),
  ),
]);

testBoth("Transfer-Encoding", [
  ...["", "gzip", "identity", "chunked, gzip", "chunked, identity"].map(badCoding),
  ...["chunked, chunked", "chunked,", ",chunked", "chunked;a=b", "gzip;q=1, chunked"].map(
    badCoding,
  ),
  ...["\x85chunked", "chunked\xa0", '"chunked"', "xchunked", "chun ked", "x chunked"].map(
    badCoding,
  ),
  refused(
    400,
    "duplicate_transfer_encoding",
    "on two lines",
    post([chunkedLine, chunkedLine], hello),
  ),
  refused(
    400,
    "bad_transfer_encoding",
    "on two lines, another coding first",
    post(["Transfer-Encoding: gzip", chunkedLine], hello),
  ),
  ...["gzip, chunked", "gzip,chunked", "identity, chunked", "x ,y\t, Chunked"].map((value) =>
    refused(
      501,
      "transfer_coding_not_supported",
      `Transfer-Encoding ${JSON.stringify(value)}`,
      post([`Transfer-Encoding: ${value}`], hello),
    ),
  ),
  ...["\x00chunked", "\x0bchunked", "chunked\x0c", "chunk\x08ed", "chunked\x7f"].map((value) =>
    refused(
      400,
      "bad_field_value",
      `Transfer-Encoding ${JSON.stringify(value)}`,
      post([`Transfer-Encoding: ${value}`], hello),
    ),
  ),
  refused(
    400,
    "space_before_colon",
    "space before the colon",
    post(["Transfer-Encoding : chunked"], hello),
  ),
  refused(
    400,
    "bad_field_name",
    "0xA0 in its name",
    post(["Transfer-Encoding\xa0: chunked"], hello),
  ),
  refused(
    400,
    "bad_field_name",
    "NUL in its name",
    post(["Transfer-Encoding\x00: chunked"], hello),
  ),
  refused(
    400,
    "bad_transfer_encoding",
    "folded, so empty",
    post(["Transfer-Encoding:", " chunked"], hello),
  ),
  refused(
    400,
    "folded_field",
    "folded into another field",
    post(["X: y", ` ${chunkedLine}`], hello),
  ),
  refused(
    400,
    "transfer_encoding_in_http_1_0",
    "in HTTP/1.0",
    `POST /echo HTTP/1.0\r\n${chunkedLine}\r\n\r\n${hello}`,
  ),
  ...["chunked", "Chunked", "CHUNKED", "\t chunked \t"].map((value) =>
    kept(JSON.stringify(value), post([`Transfer-Encoding: ${value}`], hello), ok("POST hello")),
  ),
  kept("another field's name", post(["Transfer_Encoding: chunked"]), ok("POST ")),
]);

function badSize(size: string): Case {
  const bytes = chunked(`${size}\r\nhello\r\n0\r\n\r\n`);
  return refused(400, "bad_chunk_size", `size ${JSON.stringify(size)}`, bytes);
}

function badLine(code: string, body: string): Case {
  return refused(400, code, JSON.stringify(body), chunked(body));
}

/** As long as a line may be with its CR. */
const longExtension = `;${"a".repeat(4093)}`;

testBoth("chunks", [
  ...["", "0x5", "+5", "-5", "1_0", " 5", "5 ", "\t5", "5 ;a", ";a", "g", "5,", "\x00"].map(
    badSize,
  ),
  ...["10000000000000000", "fffffffffffffffff"].map(badSize),
  ...["5\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n", '5;a="b\nc"\r\nhello\r\n', "0\r\n\n"].map((body) =>
    badLine("bare_lf", body),
  ),
  ...["5\rhello\r\n0\r\n\r\n", "5\rX\nhello\r\n", "5\r\r\nhello", "0\r\n\rX"].map((body) =>
    badLine("bare_cr", body),
  ),
  ...["5\r\nhelloXX0\r\n\r\n", "5\r\nhello\n\n", "5\r\nhello\rX", "5\r\nhello\n0\r\n\r\n"].map(
    (body) => badLine("bad_chunk_end", body),
  ),
  badLine("bad_chunk_end", "5\r\nhello0\r\n\r\n"),
  badLine("bad_chunk_end", "4\r\nhello\r\n0\r\n\r\n"),
  ...["5;\r\nhello", "5;a=\r\nhello", "5;a\x00\r\nhello", '5;a="b"c\r\nhello'].map((body) =>
    badLine("bad_chunk_extension", body),
  ),
  refused(400, "chunk_line_too_long", "an extension without end", chunked(`1;${"a".repeat(5000)}`)),
  refused(
    400,
    "chunk_extensions_too_large",
    "small chunks with large extensions",
    chunked(`1${longExtension}\r\nx\r\n`.repeat(5)),
  ),
  kept(
    "sizes in any case, with zeros in front, and extensions",
    chunked('A\r\n0123456789\r\n0005;a;b=c;d="e;\\"" ;f\r\nhello\r\n000\r\n\r\n'),
    ok("POST 0123456789hello"),
  ),
  kept(
    "content that looks like framing",
    chunked("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"),
    ok("POST \r\n0\r\n\r\n"),
  ),
]);

testBoth("trailers", [
  kept(
    "are dropped, also those that would frame",
    chunked(
      "5\r\nhello\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\nHost: other\r\n\r\n",
    ),
    ok("POST hello"),
  ),
  kept(
    "do not become the request's Host",
    post([chunkedLine], "0\r\nHost: other\r\n\r\n", "/host"),
    ok("h"),
  ),
  refused(
    431,
    "trailers_too_large",
    "one that is too long",
    chunked(`0\r\nX: ${"a".repeat(9000)}`),
  ),
  refused(431, "trailers_too_large", "too many", chunked(`0\r\n${"X: y\r\n".repeat(1500)}`)),
  ...[" X: y", "X : y", ": y", "X", "X: y\x00", "X: y\r\n z", "X\xe4: y"].map((line) =>
    badLine("bad_trailer", `0\r\n${line}\r\n\r\n`),
  ),
]);

/** What a client over a socket would make of a `Response`. Called by `transport.ts`. */

/** Names of content codings (RFC 9110 8.4.1, 8878), and what Bun calls their formats. */
const formats: Readonly<Record<string, Bun.CompressionFormat>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "brotli",
  zstd: "zstd",
};

/** With its body decoded, as `fetch` gives it; the fields stay as they are. */
export function decoded(response: Response): Response {
  const format = formats[response.headers.get("content-encoding")?.toLowerCase() ?? ""];
  if (format === undefined || response.body === null) return response;
  const { status, statusText, headers } = response;
  const body = response.body.pipeThrough(new DecompressionStream(format));
  return new Response(body, { status, statusText, headers });
}

/**
 * The error that a problem body of the server's own tells of: in development with its text and
 * stack. It stays to be read.
 */
export async function errorIn(response: Response): Promise<{ readonly error: Error } | undefined> {
  const type = response.headers.get("content-type") ?? "";
  if (response.status !== 500 || !type.startsWith("application/problem+json")) return undefined;
  try {
    const problem = (await response.clone().json()) as Readonly<Record<string, unknown>>;
    if (problem.code !== "internal_error") return undefined;
    const { detail, stack } = problem;
    const error = new Error(typeof detail === "string" ? detail : "internal_error");
    if (typeof stack === "string") error.stack = stack;
    return { error };
  } catch {
    // Nothing of ours.
    return undefined;
  }
}

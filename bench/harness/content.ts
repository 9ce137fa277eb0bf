/** The workloads about bodies: files, compression, uploads and streams. Read by `workloads.ts`. */
import { arenaFiles, type plainFiles } from "./files.ts";
import type { Request, Requests, Workload } from "./workloads.ts";

export type ContentEndpoint =
  | "file-3k"
  | "file-16k"
  | "file-64k"
  | "file-300k"
  | "file-1m"
  | "static"
  | "json-comp"
  | "upload"
  | "stream";

export const mebibyte = 1024 * 1024;
/** HttpArena's upload: 20 MB. */
export const uploadBytes = 20 * mebibyte;
/** A streamed answer: so many pieces, each of 64 KiB. */
export const streamPieces = 16;
export const pieceBytes = 64 * 1024;
/** HttpArena's pairs of items and multiplier for compressed answers. */
export const compressedPairs = [
  [25, 4],
  [40, 8],
  [50, 6],
] as const;
/** What a browser that takes both says in HttpArena's static profile. */
export const staticAccept = "br;q=1, gzip;q=0.8";

const get = (path: string, accept?: string): Request =>
  accept === undefined ? { method: "GET", path } : { method: "GET", path, accept };

const plain = (name: keyof typeof plainFiles): Requests => [get(`/files/${name}.txt`)];
const some = (requests: readonly Request[]): Requests => {
  const [first, ...others] = requests;
  if (first === undefined) throw new Error("a workload without requests");
  return [first, ...others];
};

export const contentRequests: Readonly<Record<ContentEndpoint, Requests>> = {
  "file-3k": plain("3k"),
  "file-16k": plain("16k"),
  "file-64k": plain("64k"),
  "file-300k": plain("300k"),
  "file-1m": plain("1m"),
  static: some(arenaFiles.map(({ name }) => get(`/static/${name}`, staticAccept))),
  "json-comp": some(
    compressedPairs.map(([count, multiplier]) =>
      get(`/compressed/${count}?m=${multiplier}`, "gzip, br"),
    ),
  ),
  upload: [{ method: "POST", path: "/upload", uploadBytes }],
  stream: [get("/stream")],
};

export const contentEndpoints = Object.keys(contentRequests) as ContentEndpoint[];

/** The generator of this bench: it takes turns with paths, and large bodies do not slow it down. */
const closed = { depth: 1, mode: "closed", perByte: true } as const;

function ofFile(name: keyof typeof plainFiles, size: string): Workload {
  const title = `GET a file of ${size}`;
  return { name: `static-${name}`, title, endpoint: `file-${name}`, connections: 64, ...closed };
}

export const contentWorkloads: readonly Workload[] = [
  ofFile("3k", "3 KiB"),
  ofFile("16k", "16 KiB"),
  ofFile("64k", "64 KiB"),
  ofFile("300k", "300 KiB"),
  ofFile("1m", "1 MiB"),
  {
    name: "static",
    title: "GET 20 files of 3–300 KiB, compressed beforehand",
    endpoint: "static",
    connections: 64,
    ...closed,
  },
  {
    name: "json-comp",
    title: "GET /compressed/25, 40 and 50 items, gzip for each request",
    endpoint: "json-comp",
    connections: 64,
    ...closed,
  },
  {
    name: "upload",
    title: "POST 20 MiB, read piece by piece",
    endpoint: "upload",
    connections: 8,
    ...closed,
  },
  {
    name: "stream",
    title: "GET 1 MiB in 16 pieces, chunked",
    endpoint: "stream",
    connections: 16,
    ...closed,
  },
];

/** What contenders have to answer, by endpoint. Read by `verify.ts`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import dataset from "../data/arena-dataset.json";
import {
  type ContentEndpoint,
  compressedPairs,
  contentRequests,
  mebibyte,
  uploadBytes,
} from "./content.ts";
import { arenaFiles, filesFolder } from "./files.ts";
import { type Endpoint, type Request, requests } from "./workloads.ts";

/** Content-Encoding that an answer has to have, `identity` for none. */
export type Coding = "identity" | "gzip" | "br";

export interface Expected {
  readonly request: Request;
  readonly status: number;
  /** Undefined where contenders may word a refusal as they like. */
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly coding?: Coding;
  /** The body is compared after it was decompressed: compressors differ. */
  readonly inflated?: boolean;
  readonly chunked?: boolean;
  /** Requests in one write; 16 for GET unless told. */
  readonly depth?: number;
}

function totals(count: number, multiplier: number): string {
  const items = dataset.slice(0, count).map((item) => ({
    ...item,
    total: item.price * item.quantity * multiplier,
  }));
  return JSON.stringify({ items, count });
}

const text = (endpoint: Endpoint, body: string): Expected[] => [
  { request: requests[endpoint][0], status: 200, body, type: "text/plain" },
];
const json = (request: Request, body: string): Expected => ({
  request,
  status: 200,
  body,
  type: "application/json",
});
const wrongUsers = [
  '{"name":"","age":36,"email":"a@b"}',
  '{"name":"Ada","age":-1,"email":"a@b"}',
  '{"name":"Ada","age":1.5,"email":"a@b"}',
  '{"name":"Ada","age":36}',
];

/** Without Accept-Encoding everyone gets a body as it is (RFC 9110 12.5.3). */
const plainly = ({ method, path }: Request): Request => ({ method, path });

function plainFile(endpoint: ContentEndpoint): Expected[] {
  const [request] = contentRequests[endpoint];
  const body = readFileSync(join(filesFolder, request.path));
  const missing = { method: "GET", path: "/files/missing.txt" } as const;
  return [
    { request, status: 200, body, type: "text/plain", coding: "identity", depth: 1 },
    { request: missing, status: 404, depth: 1 },
  ];
}

function arenaFile(): Expected[] {
  return arenaFiles.flatMap(({ name, type, compressed }, index) => {
    const request = contentRequests.static[index];
    if (request === undefined) throw new Error(`no request for ${name}`);
    const path = join(filesFolder, "static", name);
    const wanted = { status: 200, type, depth: 1 } as const;
    const original = { ...wanted, body: readFileSync(path), coding: "identity" } as const;
    const plain: Expected = { ...original, request: plainly(request) };
    if (!compressed) return [plain, { ...original, request }];
    return [plain, { ...wanted, request, body: readFileSync(`${path}.br`), coding: "br" }];
  });
}

function compressed(): Expected[] {
  return compressedPairs.flatMap(([count, multiplier], index) => {
    const request = contentRequests["json-comp"][index];
    if (request === undefined) throw new Error(`no request for ${count} items`);
    const answer = { ...json(request, totals(count, multiplier)), depth: 1 };
    return [
      { ...answer, coding: "gzip", inflated: true },
      { ...answer, request: plainly(request), coding: "identity" },
    ];
  });
}

/** What a contender has to answer at an endpoint; files are read from disk now. */
export function expectedAt(endpoint: Endpoint): Expected[] {
  switch (endpoint) {
    case "plaintext":
    case "constant":
      return text(endpoint, "Hello, World!");
    case "baseline":
      return text(endpoint, "55");
    case "pipeline":
      return text(endpoint, "ok");
    case "json":
      return [json(requests.json[0], '{"message":"Hello, World!"}')];
    case "users":
      return [
        json(requests.users[0], '{"id":"42"}'),
        json({ method: "GET", path: "/users/ab-c" }, '{"id":"ab-c"}'),
      ];
    case "create":
      return [
        json(requests.create[0], '{"ok":true,"name":"Ada Lovelace","age":36}'),
        ...wrongUsers.map((body): Expected => {
          return { request: { method: "POST", path: "/users", body }, status: 422 };
        }),
      ];
    case "arena":
      return [
        json(requests.arena[0], totals(25, 4)),
        json({ method: "GET", path: "/json/3?m=1" }, totals(3, 1)),
      ];
    case "static":
      return arenaFile();
    case "json-comp":
      return compressed();
    case "upload":
      return text(endpoint, String(uploadBytes));
    case "stream":
      return stream();
    default:
      return plainFile(endpoint);
  }
}

function stream(): Expected[] {
  const [request] = contentRequests.stream;
  const body = Buffer.alloc(mebibyte, "x");
  const type = "application/octet-stream";
  return [{ request, status: 200, body, type, coding: "identity", chunked: true, depth: 1 }];
}

/**
 * Mirror of `zig/abi.zig` and the limits that shape it. Record fields are indexes of 32-bit words,
 * places in the view are bytes. `test/native/` holds this file against the layout that the library
 * prints.
 */

export const abiVersion = 4;

export const limits = {
  batchMax: 512,
  lateMax: 512,
  paramsMax: 16,
  prefixesMax: 32,
  requestArenaBytes: 1536 * 1024,
  answerArenaBytes: 1536 * 1024,
  stageBytes: 512 * 1024,
  answerBytesMax: 2 * 1024 ** 3,
} as const;

/** Result codes of native calls; zero or more is success. */
export const code = {
  ok: 0,
  outOfMemory: -1,
  invalidArgument: -2,
  addressInUse: -3,
  permissionDenied: -4,
  addressUnavailable: -5,
  invalidHost: -6,
  tooManyDescriptors: -7,
  staleHandle: -8,
  reEntered: -9,
  full: -10,
  duplicateRoute: -11,
  conflictingRoute: -12,
  invalidPattern: -13,
  unsupported: -14,
  system: -15,
  badTarget: -16,
  endOfBody: -17,
  bodyFailed: -18,
} as const;

export const request = {
  words: 16 + 2 * limits.paramsMax,
  handler: 0,
  methodFlags: 1,
  head: 2,
  headLength: 3,
  path: 4,
  pathLength: 5,
  target: 6,
  targetLength: 7,
  query: 8,
  queryLength: 9,
  body: 10,
  bodyLength: 11,
  authority: 12,
  authorityLength: 13,
  coverage: 14,
  paramsCount: 15,
  params: 16,
} as const;

/** A message of a WebSocket, a record of the batch too. */
export const message = {
  handler: request.handler,
  kind: request.methodFlags,
  slot: request.head,
  generation: request.headLength,
  payload: request.body,
  payloadLength: request.bodyLength,
} as const;

export const flag = {
  escaped: 1 << 8,
  http10: 1 << 9,
  keepAlive: 1 << 10,
  hasBody: 1 << 11,
  bodyOutside: 1 << 12,
  secure: 1 << 13,
  bodyStreamed: 1 << 14,
  compressed: 1 << 15,
} as const;

/** Handler ids that name no route. */
export const special = {
  notFound: 0xffff_ffff,
  methodNotAllowed: 0xffff_fffe,
  options: 0xffff_fffd,
  notImplemented: 0xffff_fffc,
  websocket: 0xffff_fff8,
  first: 0xffff_fff0,
} as const;

/** Method ids; 9 to 30 are tokens that the application registered. */
export const methodId = {
  get: 0,
  head: 1,
  post: 2,
  put: 3,
  delete: 4,
  connect: 5,
  options: 6,
  trace: 7,
  patch: 8,
  firstCustom: 9,
  all: 31,
  other: 255,
} as const;

/** Tokens of the method ids that every router knows, in the order of the ids. */
export const methodTokens: readonly string[] = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
];

export const response = {
  words: 10,
  state: 0,
  statusKindFlags: 1,
  fields: 2,
  fieldsLength: 3,
  body: 4,
  bodyLength: 5,
  slot: 6,
  generation: 7,
  length: 8,
} as const;

export const state = { unanswered: 0, answered: 1, held: 2, native: 3 } as const;

/** Content-Type written natively. */
export const kind = { none: 0, json: 1, text: 2, html: 3, bytes: 4, problem: 5 } as const;

export const answerFlag = {
  attached: 1 << 24,
  close: 1 << 25,
  stream: 1 << 26,
  sized: 1 << 27,
  file: 1 << 28,
  upgrade: 1 << 29,
} as const;

/** What a turn tells of a request that is held, or of a WebSocket, as bits. */
export const notice = {
  gone: 1,
  drained: 2,
  readable: 4,
  websocketOpened: 8,
  websocketClosed: 16,
  websocketDrained: 32,
} as const;

/** Words of what a WebSocket is made with. */
export const settings = {
  messageBytesMax: 0,
  backlogBytesMax: 1,
  idleMs: 2,
  flags: 3,
  words: 4,
} as const;

export const settingsFlag = { deflate: 1, controlFrames: 2 } as const;

/** Set beside the opcode of a frame that is sent: its payload is compressed. */
export const frameCompressed = 1 << 8;

/** Set in the target of `chopin_answer_attach` when it names a slot, not an index of the batch. */
export const lateTarget = 0x8000_0000;

const controlBytes = 4096;
const requests = controlBytes;
const responses = requests + (limits.batchMax + 1) * request.words * 4;
const late = responses + limits.batchMax * response.words * 4;
const requestArena = alignForward(late + limits.lateMax * response.words * 4, 4096);
const answerArena = requestArena + limits.requestArenaBytes;
const stage = answerArena + limits.answerArenaBytes;

/** Places in the view, in bytes from its start. */
export const view = {
  control: 0,
  requests,
  responses,
  late,
  requestArena,
  answerArena,
  stage,
  bytes: stage + limits.stageBytes,
} as const;

/** Words of the control block. */
export const control = {
  lateCount: 0,
  result: 1,
  connectionsOpen: 16,
  requestsPending: 17,
  answerTop: 18,
  staged: 19,
  piecesQueued: 20,
  noticesCount: 21,
  streamsWaiting: 22,
  websocketsOpen: 23,
  closings: 24,
  closingRecords: 25,
  notices: 72,
  noticeWords: 3,
} as const;

function alignForward(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

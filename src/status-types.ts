/**
 * Statuses as the compiler tells them apart. Types alone: those of handlers and of answers to
 * clients are made from them, and the client must not depend on anything of the server.
 */

/** Statuses of success (RFC 9110 15.3). */
export type Success = 200 | 201 | 202 | 203 | 204 | 205 | 206 | 207 | 208 | 226;

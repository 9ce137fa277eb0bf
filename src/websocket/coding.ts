/** How the messages of some WebSockets are compressed. */
export interface Coding {
  /** Value of Sec-WebSocket-Extensions. */
  readonly answer: string;
  /** Bytes from which a message is compressed. */
  readonly threshold: number;
  /** Undefined: it would become no smaller. */
  deflate(message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined;
  inflate(
    payload: Uint8Array<ArrayBuffer>,
    messageLimit: number,
  ): Uint8Array<ArrayBuffer> | "too_large" | "corrupt";
}

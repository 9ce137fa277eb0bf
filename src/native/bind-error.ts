/** Why an address cannot be listened on. */
import { code } from "./abi.ts";

const bindReasons: Readonly<Record<number, readonly [string, string]>> = {
  [code.addressInUse]: [
    "EADDRINUSE",
    "another process listens there; stop it or choose another port",
  ],
  [code.permissionDenied]: [
    "EACCES",
    "no permission; ports below 1024 need root or CAP_NET_BIND_SERVICE",
  ],
  [code.addressUnavailable]: ["EADDRNOTAVAIL", "this machine has no such address"],
  [code.invalidHost]: ["EINVAL", "no such host, or a path that cannot be used"],
  [code.tooManyDescriptors]: ["EMFILE", "too many open files; raise `ulimit -n`"],
  [code.outOfMemory]: ["ENOMEM", "no memory"],
};

/** `result` is the negative code of a native call. */
export function bindError(result: number, address: string): Error {
  const [name, advice] = bindReasons[result] ?? ["EIO", "the system refused it"];
  return Object.assign(new Error(`cannot listen on ${address}: ${advice}`), { code: name });
}

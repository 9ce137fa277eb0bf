/** Entity tags in requests (RFC 9110 8.8.3). Called by `etag.ts` and `openapi/serving.ts`. */

/**
 * Whether If-None-Match has a tag. It compares weakly: the mark of weakness does not count (RFC
 * 9110 13.1.2).
 */
export function isKnown(list: string, tag: string): boolean {
  if (list.trim() === "*") return true;
  const opaque = tag.replace(/^W\//, "");
  // A tag may contain commas, so the list is not split at them.
  for (const [, one] of list.matchAll(
    /(?:^|,)\s*(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?=,|$)/g,
  )) {
    if (one === opaque) return true;
  }
  return false;
}

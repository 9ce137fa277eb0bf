/** Names of types, from those of the components of a document. Called by `declarations.ts`. */

/** Words that cannot name a type, or would hide what the file itself speaks of. */
const taken: readonly string[] = (
  "Api Date Uint8Array any as asserts async await bigint boolean break case catch class " +
  "const continue debugger declare default delete do else enum export extends false " +
  "finally for function get if implements import in infer instanceof interface is keyof " +
  "let module namespace never new null number object of out package private protected " +
  "public readonly require return satisfies set static string super switch symbol this " +
  "throw true try type typeof undefined unique unknown using var void while with yield"
).split(" ");

/** A name for each component; those that can be names as they are come first. */
export function typeNames(components: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const used = new Set(taken);
  const asTheyAre = components.filter((one) => identifier(one) === one && !used.has(one));
  for (const component of new Set([...asTheyAre, ...components])) {
    const wish = identifier(component);
    let name = taken.includes(wish) ? `${wish[0]!.toUpperCase()}${wish.slice(1)}Type` : wish;
    for (let number = 2; used.has(name); number++) name = `${wish}${number}`;
    used.add(name);
    names.set(component, name);
  }
  return names;
}

/** The name as it is, if it can be; otherwise its words: `user-list` is `UserList`. */
function identifier(component: string): string {
  if (/^[A-Za-z_$][\w$]*$/.test(component)) return component;
  const words = component.split(/[^A-Za-z0-9$]+/);
  const joined = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
  return /^[A-Za-z_$]/.test(joined) ? joined : `Type${joined}`;
}

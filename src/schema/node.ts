/**
 * TypeBox schemas as `shape.ts` and `explain.ts` walk through them: JSON Schema with a kind under a
 * symbol that all copies of the library share.
 */
const kindKey = Symbol.for("TypeBox.Kind");
const optionalKey = Symbol.for("TypeBox.Optional");
const transformKey = Symbol.for("TypeBox.Transform");

const anything = { [kindKey]: "Any" } as SchemaNode;

/** One schema, with the members that are looked at. */
export interface SchemaNode {
  readonly $id?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
  readonly type?: string;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaNode;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode | readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly not?: SchemaNode;
}

/** "Object", "String"…: what the builder called it. */
export function kindOfNode(node: SchemaNode): string {
  return String((node as { [kindKey]?: unknown })[kindKey]);
}

/** Whether a schema is one of TypeBox. */
export function isTypeBox(schema: unknown): schema is SchemaNode {
  return typeof schema === "object" && schema !== null && kindKey in schema;
}

export function isOptional(node: SchemaNode): boolean {
  return optionalKey in node;
}

export function isTransform(node: SchemaNode): boolean {
  return transformKey in node;
}

/** Whether a value is an object in the sense of JSON. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Members of `allOf` that are plain objects, as one object; undefined when they cannot be seen so.
 */
export function mergedObject(node: SchemaNode): SchemaNode | undefined {
  const members = node.allOf ?? [];
  const plain = members.every(
    (member) => kindOfNode(member) === "Object" && member.additionalProperties === undefined,
  );
  if (!plain || members.length === 0) return undefined;
  const properties = Object.assign({}, ...members.map((member) => member.properties));
  return { [kindKey]: "Object", type: "object", properties } as SchemaNode;
}

/** What a schema says of a value itself, whatever its properties and items are. */
export function withoutChildren(node: SchemaNode): SchemaNode {
  const { $id: _, ...own } = node;
  const { properties = {}, items = [], allOf = [] } = node;
  switch (kindOfNode(node)) {
    case "Object":
      return {
        ...own,
        properties: Object.fromEntries(Object.keys(properties).map((name) => [name, anything])),
      };
    case "Array":
      return { ...own, items: anything };
    case "Tuple":
      return { ...own, items: (items as readonly SchemaNode[]).map(() => anything) };
    case "Intersect":
      return mergedObject(node) === undefined
        ? node
        : { ...own, allOf: allOf.map(withoutChildren) };
    default:
      return node;
  }
}

/** The routes and targets of the router benches: a thousand routes as a large API has them. */

export interface DeclaredRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly pattern: string;
}

const resources = 125;

/**
 * Eight routes for each resource; a `:param` in the middle and at the end. No static segment stands
 * beside a `:param`: Hono would leave its fast router for a slow one.
 */
export const thousand: readonly DeclaredRoute[] = Array.from(
  { length: resources },
  (_, index) => `/api/v1/resource${index}`,
).flatMap((base): DeclaredRoute[] => [
  { method: "GET", pattern: base },
  { method: "POST", pattern: base },
  { method: "GET", pattern: `${base}/:id` },
  { method: "PUT", pattern: `${base}/:id` },
  { method: "DELETE", pattern: `${base}/:id` },
  { method: "GET", pattern: `${base}/:id/history` },
  { method: "GET", pattern: `${base}/:id/comments` },
  { method: "GET", pattern: `${base}/:id/comments/:comment` },
]);

/** One route, as in the smallest program. */
export const single: readonly DeclaredRoute[] = [{ method: "GET", pattern: "/users/:id" }];

const suffixes = ["", "/42", "/42/history", "/42/comments", "/42/comments/7"];

/** What is looked up among the thousand, all found; neighbours differ, as requests do. */
export const thousandTargets: readonly string[] = Array.from(
  { length: resources * suffixes.length },
  (_, index) => {
    const resource = (index * 37) % resources;
    return `/api/v1/resource${resource}${suffixes[index % suffixes.length]}`;
  },
);

export const singleTargets: readonly string[] = ["/users/42"];

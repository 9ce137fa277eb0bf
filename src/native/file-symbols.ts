/**
 * The library's functions for files; see `symbols.ts`. In a module of their own, because programs
 * without files never call them.
 */
import { openLibrary } from "./open-library.ts";

const symbols = openLibrary({
  chopin_files_create: { args: [], returns: "ptr" },
  chopin_files_root: { args: ["ptr", "ptr", "u32", "u32", "u32", "ptr", "u32"], returns: "i32" },
  chopin_files_embedded: { args: ["ptr", "u32", "ptr", "u32"], returns: "i32" },
  chopin_files_embed: {
    args: ["ptr", "u32", "ptr", "u32", "ptr", "u32", "u32"],
    returns: "i32",
  },
  chopin_file_plan: {
    args: ["ptr", "u32", "u32", "ptr", "u32", "ptr", "u32", "ptr", "ptr", "u32"],
    returns: "ptr",
  },
  chopin_file_plan_read: { args: ["ptr", "f64", "ptr", "u32"], returns: "i32" },
  chopin_file_plan_destroy: { args: ["ptr"], returns: "i32" },
});

export const {
  chopin_files_create,
  chopin_files_root,
  chopin_files_embedded,
  chopin_files_embed,
  chopin_file_plan,
  chopin_file_plan_read,
  chopin_file_plan_destroy,
} = symbols;

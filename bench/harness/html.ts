/** Tables of the HTML report. */

/** Class names and content, the content already escaped. */
export type Cell = readonly [className: string, content: string];

export const escapeText = (text: string) => Bun.escapeHTML(text);

/** Width or place as CSS; outside of the box it is drawn at the edge. */
export const percent = (share: number) => `${(Math.max(0, Math.min(share, 1)) * 100).toFixed(2)}%`;

function line(tag: "td" | "th", className: string, cells: readonly Cell[]): string {
  const parts = cells.map(([name, content]) => `<${tag} class="${name}">${content}</${tag}>`);
  return `<tr class="${className}">${parts.join("")}</tr>\n`;
}

export const tableRow = (className: string, cells: readonly Cell[]) => line("td", className, cells);

export function table(className: string, head: readonly Cell[], rows: readonly string[]): string {
  return `<table class="${className}">${line("th", "", head)}${rows.join("")}</table>`;
}

/** A box of the page; title and remark are escaped here. */
export function section(title: string, remark: string, content: string): string {
  const small = remark === "" ? "" : ` <small>${escapeText(remark)}</small>`;
  return `<section><h2>${escapeText(title)}${small}</h2>\n${content}</section>\n`;
}

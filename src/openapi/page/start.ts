/** What starts Swagger UI in a browser. */

/**
 * Nothing is asked of other hosts: the validator's badge is off, and no other document can be named
 * in the page's address.
 */
export const startScript = `const place = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", shade);
shade();
SwaggerUIBundle({
  domNode: place,
  url: new URL(place.dataset.document, location.href).href,
  validatorUrl: null,
  queryConfigEnabled: false,
  deepLinking: true,
  displayRequestDuration: true,
  showCommonExtensions: true,
});
`;

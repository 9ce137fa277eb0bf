/**
 * Styles of the page beside those of Swagger UI, whose texts are often too pale to be read by
 * everybody (WCAG 2.2, 1.4.3), and whose buttons leave a narrow screen.
 */

const pale = ":not(.dark-mode) > body .swagger-ui";
const dark = "html.dark-mode .swagger-ui";

export const pageStyles = `:root { color-scheme: light dark; }
body { margin: 0; background: #fafafa; }
.dark-mode body { background: #1c2022; }
noscript { display: block; padding: 2rem; font-family: sans-serif; }

${pale} .info .title small { background: #5b6270; }
${pale} .info .title small.version-stamp { background: #4c6b00; }
${pale} :is(.info .link, .info a, .markdown a) { color: #1c5fb0; }
${pale} .btn.authorize { color: #177245; border-color: #177245; }
${pale} .btn.authorize svg { fill: #177245; }
${pale} .btn.cancel { color: #b3261e; border-color: #b3261e; }
${pale} .btn.execute { background-color: #1c5fb0; border-color: #1c5fb0; }
${pale} .opblock-get .opblock-summary-method { background: #1c5fb0; }
${pale} .opblock-post .opblock-summary-method { background: #177245; }
${pale} .opblock-put .opblock-summary-method { background: #8a5300; }
${pale} .opblock-patch .opblock-summary-method { background: #0b6e5f; }
${pale} .opblock-delete .opblock-summary-method { background: #b3261e; }
${pale} :is(.opblock-head, .opblock-options) .opblock-summary-method { background: #5b6270; }
${pale} :is(.parameter__in, .parameter__extension) { color: #5f5f5f; }
${pale} .response-control-media-type__accept-message { color: #177245; }
${pale} .json-schema-2020-12-expand-deep-button { color: #5f5f5f; }
${dark} :is(.parameter__in, .parameter__extension) { color: #a8a8a8; }
.swagger-ui .microlight span[style*="rgb(211, 99, 99)"] { color: #ff9d9d !important; }

/* What is deprecated is crossed out, and still to be read. */
:root .swagger-ui .opblock.opblock-deprecated { opacity: 1; }
${pale} .opblock.opblock-deprecated .opblock-summary-method { background: #6b6b6b; color: #fff; }
${dark} .opblock.opblock-deprecated .opblock-summary-method { background: #b8b8b8; color: #000; }

@media (max-width: 480px) {
  .swagger-ui .opblock .try-out .btn { min-width: 0; padding: 5px 10px; margin-right: 4px; }
}
`;

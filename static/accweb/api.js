// The documentation of the API, drawn from the schema; what is tried there is asked with the reader's session.
const place = document.getElementById("api-docs");

function dress() {
  place.classList.toggle("dark-mode", document.documentElement.classList.contains("dark"));
}

window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    validatorUrl: null, // nothing leaves this server
    presets: [window.SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => {
      request.headers["X-CSRFToken"] = place.dataset.csrf;
      return request;
    },
  });
  dress();
  new MutationObserver(dress).observe(document.documentElement, { attributeFilter: ["class"] });
});

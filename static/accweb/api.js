// The documentation of the API, drawn from the schema; what is tried there is asked with the reader's session.
const place = document.getElementById("api-docs");
const page = document.documentElement;

function dress() {
  page.classList.toggle("dark-mode", page.classList.contains("dark")); // the word that Swagger UI knows
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
      if (request.method && request.method !== "GET") request.headers["X-CSRFToken"] = place.dataset.csrf;
      return request;
    },
  });
  dress();
  new MutationObserver(dress).observe(page, { attributeFilter: ["class"] });
});

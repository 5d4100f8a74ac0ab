// The screen on the wall refreshes itself; while accweb does not answer, it says so and keeps what it showed last.

const EVERY = 30_000;

const refresh = async () => {
  const shown = document.querySelector("main");
  try {
    const answer = await fetch(window.location.href, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown.replaceWith(page.querySelector("main"));
  } catch {
    shown.querySelector(".stale").hidden = false;
  }
};
setInterval(refresh, EVERY);

// What is wrong with a refused form gets the focus. The attribute alone comes too early: the theme shows the page only
// when its own script has run.
const refused = document.querySelector("[role=alert][autofocus]");
const meet = () => (refused.checkVisibility() ? refused.focus() : requestAnimationFrame(meet));
if (refused) meet();

// What went wrong with a passkey is said on the page; allauth's scripts would write it to the console.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const place = document.querySelector(".passkey-error");
  if (place) place.hidden = false;
});

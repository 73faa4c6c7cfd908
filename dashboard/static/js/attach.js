// Choosing a picture attaches it: the server shows it as it will be sent. Without scripts there is
// a button for that.

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-attach]") || !event.target.files.length) return;
  const { form } = event.target;
  form.requestSubmit(form.querySelector('[name="do"][value="attach"]'));
});

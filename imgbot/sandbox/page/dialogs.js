// Making people and groups.

import * as control from "./control.js";
import { h } from "./dom.js";
import { avatar, personName } from "./format.js";
import { complain, openDialog } from "./notices.js";
import { store } from "./store.js";
import { language, t } from "./words.js";

const LANGUAGES = ["ru", "en", "de", "es", "fr", "uk"];
const languageNames = new Intl.DisplayNames([language], { type: "language" });

/** Asks for a new person; `done(user)` follows once she exists. */
export function askPerson(done) {
  const name = h("input", {
    name: "first_name",
    required: true,
    maxlength: 64,
    autocomplete: "off",
  });
  const username = h("input", {
    name: "username",
    maxlength: 32,
    pattern: "[A-Za-z][A-Za-z0-9_]{4,31}",
    autocomplete: "off",
  });
  const options = LANGUAGES.map((code) =>
    h("option", { value: code, selected: code === language }, languageNames.of(code)),
  );
  const select = h(
    "select",
    { name: "language_code" },
    ...options,
    h("option", { value: "" }, t("language_none")),
  );
  const fields = [
    field(t("name"), name),
    field(t("language"), select),
    field(t("username"), username),
  ];
  askForm(t("add_person"), fields, async () => {
    const user = await control.addUser({
      first_name: name.value.trim(),
      ...(username.value && { username: username.value }),
      ...(select.value && { language_code: select.value }),
    });
    done(user);
  });
}

/** Asks for a new group; `done(chat)` follows once it exists. */
export function askGroup(done) {
  const title = h("input", { name: "title", required: true, maxlength: 128, autocomplete: "off" });
  const boxes = [...store.users.values()].map((user) =>
    h("input", { type: "checkbox", value: user.id, checked: user.id === store.me }),
  );
  const people = boxes.map((box) => {
    const user = store.users.get(Number(box.value));
    return h("label", { class: "check" }, box, avatar(user, "small"), personName(user));
  });
  const [topics, foreign] = [0, 1].map(() => h("input", { type: "checkbox" }));
  const list = h(
    "fieldset",
    { class: "people-list" },
    h("legend", {}, t("group_members")),
    ...people,
  );
  const fields = [
    field(t("group_title"), title),
    list,
    h("label", { class: "check" }, topics, t("group_topics")),
    h("label", { class: "check" }, foreign, t("group_foreign")),
  ];
  askForm(t("new_group"), fields, async () => {
    const members = boxes.filter(({ checked }) => checked).map(({ value }) => Number(value));
    const kind = { is_forum: topics.checked, is_foreign: foreign.checked };
    done(await control.addChat({ title: title.value.trim(), members, ...kind }));
  });
}

const field = (label, input) => h("label", { class: "field" }, h("span", {}, label), input);

function askForm(heading, fields, submit) {
  const cancel = h(
    "button",
    { type: "button", class: "quiet-button", onclick: () => dialog.close() },
    t("cancel"),
  );
  const create = h("button", { type: "submit", class: "primary-button" }, t("create"));
  const onsubmit = async (event) => {
    event.preventDefault();
    create.disabled = true;
    try {
      await submit();
      dialog.close();
    } catch (error) {
      complain(error);
    } finally {
      create.disabled = false;
    }
  };
  const form = h(
    "form",
    { class: "dialog-form", onsubmit },
    h("h2", {}, heading),
    ...fields,
    h("div", { class: "dialog-buttons" }, cancel, create),
  );
  const dialog = openDialog(form, { "aria-label": heading });
}

// What the page knows: the world as the control interface tells it, and where the person looks.

const MESSAGES_PER_CHAT = 5_000;
const CALLBACK_MS = 15_000;
const ANSWERS_KEPT = 100;

/** Whether one person alone sees a message of a group, besides the bot. */
export const isEphemeral = ({ message_id: id }) => id < 0;

const sees = (userId, message) =>
  !isEphemeral(message) || [message.from.id, message.receiver_user.id].includes(userId);

/** Tells "change" after anything changed (once per frame), "callback" on an answer and "message" on a new message. */
class Store extends EventTarget {
  bot = { id: 0, first_name: "imgbot", username: "", commands: {} };
  users = new Map();
  chats = new Map();
  polling = true;
  connected = true;
  me = null;
  chatId = null;

  #threads = new Map();
  #loaded = new Set();
  #loading = new Map();
  #unread = new Map();
  #blocked = new Set();
  #pressed = new Map();
  #answered = new Set();
  #scheduled = false;

  /** Takes over the answer of GET /control/state. */
  setState({ bot, users, chats, bot_is_polling: polling }) {
    this.bot = bot;
    this.users = new Map(users.map((user) => [user.id, user]));
    this.chats = new Map(chats.map((chat) => [chat.id, chat]));
    for (const chat of chats)
      if (typeof chat.blocked === "boolean") this.setBlocked(chat.id, chat.blocked);
    this.polling = polling;
    this.changed();
  }

  addUser(user) {
    this.users.set(user.id, user);
    this.chats.set(user.id, {
      id: user.id,
      type: "private",
      first_name: user.first_name,
      members: [user.id],
    });
    this.changed();
  }

  addChat(chat) {
    this.chats.set(chat.id, chat);
    this.changed();
  }

  /** Looks at `chatId` (or at none) as the person `userId`. */
  look(userId, chatId) {
    this.me = userId;
    this.chatId = chatId;
    this.read();
    this.changed();
  }

  /** The chats of a person, the latest first. */
  chatsOf(userId) {
    const mine = [...this.chats.values()].filter(
      (chat) => chat.id === userId || (chat.id < 0 && chat.members?.includes(userId)),
    );
    return mine.sort(
      (a, b) => (this.last(b.id)?.date ?? 0) - (this.last(a.id)?.date ?? 0) || b.id - a.id,
    );
  }

  /** Whether the bot wants the person looked at to answer this very message. */
  isAsked(message) {
    const { outgoing, force_reply: ask, reply_to_message: replied, entities, chat } = message;
    if (!outgoing || !ask || !sees(this.me, message)) return false;
    if (!ask.selective || chat.id > 0 || replied?.from?.id === this.me) return true;
    if (isEphemeral(message)) return true;
    return (entities ?? []).some(({ user }) => user?.id === this.me);
  }

  /** Whether the person looked at sent this message (in a group others' messages are incoming). */
  isMine(message) {
    return !message.outgoing && message.from?.id === this.me;
  }

  // ---- messages

  /** The messages of a chat in order, as far as the person looked at sees them. */
  messages(chatId) {
    const all = [...(this.#threads.get(chatId)?.values() ?? [])];
    return all.filter((message) => sees(this.me, message));
  }

  message(chatId, messageId) {
    return this.#threads.get(chatId)?.get(messageId);
  }

  last(chatId) {
    return this.messages(chatId).at(-1);
  }

  isLoaded(chatId) {
    return this.#loaded.has(chatId);
  }

  /** Reads all messages of a chat by `read()`; what the stream brings meanwhile is not lost. */
  async load(chatId, read) {
    if (this.#loading.has(chatId)) return;
    const meanwhile = [];
    this.#loading.set(chatId, meanwhile);
    try {
      const messages = await read();
      const kept = messages.filter((message) => !message.deleted).slice(-MESSAGES_PER_CHAT);
      this.#threads.set(chatId, new Map(kept.map((message) => [message.message_id, message])));
      this.#loaded.add(chatId);
    } finally {
      this.#loading.delete(chatId);
    }
    for (const event of meanwhile) this.#keep(event);
    this.changed();
  }

  /** What is known of the messages may be out of date: they must be loaded again. */
  doubt() {
    this.#loaded.clear();
    this.#pressed.clear();
  }

  #put(chatId, message) {
    const thread = this.#threads.get(chatId) ?? new Map();
    this.#threads.set(chatId, thread);
    const old = thread.get(message.message_id);
    if (old && message.edits < old.edits) return false;
    const isNew = !old;
    if (message.deleted) thread.delete(message.message_id);
    else thread.set(message.message_id, message);
    const limit = this.#loaded.has(chatId) ? MESSAGES_PER_CHAT : 1;
    while (thread.size > limit) thread.delete(thread.keys().next().value);
    return isNew;
  }

  // ---- events

  /** Takes in one event of the stream. */
  apply(event) {
    const { type, chat_id: chatId } = event;
    this.#loading.get(chatId)?.push(event);
    if (["message", "edit", "delete"].includes(type)) this.#keep(event, true);
    else if (type === "callback_answer") this.#answer(event);
    else if (type === "commands" && event.commands)
      this.bot = { ...this.bot, commands: event.commands };
    else if (type === "polling") this.polling = event.active;
    else if (type === "chat") this.chats.set(chatId, event.chat);
    else return;
    this.changed();
  }

  #keep({ type, chat_id: chatId, message, message_id: messageId }, isLive = false) {
    if (type === "message" && this.#put(chatId, message) && isLive) this.#arrived(chatId, message);
    else if (type === "edit") this.#edited(chatId, message);
    else if (type === "delete") this.#threads.get(chatId)?.delete(messageId);
  }

  #arrived(chatId, message) {
    for (const userId of chatId > 0 ? [chatId] : (this.chats.get(chatId)?.members ?? [])) {
      if (userId === message.from?.id || !sees(userId, message)) continue;
      if (this.#isSeen(userId, chatId)) continue;
      const key = `${userId}:${chatId}`;
      this.#unread.set(key, (this.#unread.get(key) ?? 0) + 1);
    }
    if (sees(this.me, message))
      this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #edited(chatId, message) {
    this.#put(chatId, message);
  }

  // ---- unread

  #isSeen(userId, chatId) {
    return userId === this.me && chatId === this.chatId && document.visibilityState === "visible";
  }

  unread(userId, chatId) {
    return this.#unread.get(`${userId}:${chatId}`) ?? 0;
  }

  unreadOf(userId) {
    return this.chatsOf(userId).reduce((sum, chat) => sum + this.unread(userId, chat.id), 0);
  }

  /** The open chat counts as read. */
  read() {
    if (this.#unread.delete(`${this.me}:${this.chatId}`)) this.changed();
  }

  // ---- buttons and blocking

  /** The button at `place` waits for its answer; `onSilence` is called if none comes. */
  press(place, onSilence) {
    const waiting = { id: null };
    this.#pressed.set(place, waiting);
    setTimeout(() => {
      if (this.#pressed.get(place) !== waiting) return;
      this.release(place);
      onSilence();
    }, CALLBACK_MS);
    this.changed();
  }

  /** The query of a pressed button got its id; the answer may have come before it. */
  pressedAs(place, id) {
    if (this.#answered.delete(id)) this.release(place);
    else if (this.#pressed.has(place)) this.#pressed.get(place).id = id;
  }

  release(place) {
    this.#pressed.delete(place);
    this.changed();
  }

  isPressed(place) {
    return this.#pressed.has(place);
  }

  #answer(event) {
    const waiting = [...this.#pressed].find(([, { id }]) => id === event.callback_query_id);
    if (waiting) this.#pressed.delete(waiting[0]);
    else this.#answered.add(event.callback_query_id);
    while (this.#answered.size > ANSWERS_KEPT)
      this.#answered.delete(this.#answered.values().next().value);
    this.dispatchEvent(new CustomEvent("callback", { detail: event }));
  }

  isBlocked(chatId) {
    return this.#blocked.has(chatId);
  }

  setBlocked(chatId, blocked) {
    if (blocked) this.#blocked.add(chatId);
    else this.#blocked.delete(chatId);
    this.changed();
  }

  setConnected(connected) {
    this.connected = connected;
    this.changed();
  }

  /** Has the views drawn again soon, many changes at once. */
  changed() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = () => {
      this.#scheduled = false;
      this.dispatchEvent(new Event("change"));
    };
    // A hidden page gets no animation frames, yet its title shall count unread messages.
    if (document.visibilityState === "visible") requestAnimationFrame(draw);
    else setTimeout(draw, 200);
  }
}

export const store = new Store();

// The sandbox's control interface, one function per call.

/** The sandbox refused, or could not be reached. */
class ControlError extends Error {}

async function call(method, path, body, type = "application/json") {
  const init = { method, headers: {} };
  if (body !== undefined) {
    init.body = type === "application/json" ? JSON.stringify(body) : body;
    init.headers["Content-Type"] = type;
  }
  let response;
  try {
    response = await fetch(`/control/${path}`, init);
  } catch (cause) {
    throw new ControlError("no connection", { cause });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok)
    throw new ControlError(answer.error ?? answer.description ?? `${response.status}`);
  return answer;
}

export const getState = () => call("GET", "state");
export const addUser = (user) => call("POST", "users", user);
export const addChat = (chat) => call("POST", "chats", chat);
export const sendMessage = (chatId, message) => call("POST", `chats/${chatId}/messages`, message);
export const editMessage = (chatId, messageId, text) =>
  call("POST", `chats/${chatId}/edit`, { message_id: messageId, text });
export const deleteMessage = (chatId, messageId) =>
  call("DELETE", `chats/${chatId}/messages/${messageId}`);
export const forwardMessage = (chatId, userId, { chat, message_id: id }) =>
  call("POST", `chats/${chatId}/forward`, {
    user_id: userId,
    from_chat_id: chat.id,
    message_ids: [id],
  });
export const askInline = (userId, chatId, query) =>
  call("POST", "inline", { user_id: userId, chat_id: chatId, query });
export const chooseInline = (queryId, chatId, resultId) =>
  call("POST", `inline/${queryId}`, { chat_id: chatId, result_id: resultId });
export const setBlocked = (chatId, userId, blocked) =>
  call("POST", `chats/${chatId}/block`, { user_id: userId, blocked });
export const setAdmin = (chatId, on) => call("POST", `chats/${chatId}/promote`, { on });

export const pressButton = async (chatId, userId, messageId, data) =>
  (
    await call("POST", `chats/${chatId}/callbacks`, {
      user_id: userId,
      message_id: messageId,
      data,
    })
  ).callback_query_id;

export const pay = (chatId, userId, messageId, link) =>
  call("POST", `chats/${chatId}/pay`, { user_id: userId, message_id: messageId, link });

export const getMessages = async (chatId) =>
  (await call("GET", `chats/${chatId}/messages?after=0`)).messages;

export const uploadFile = async (file) =>
  (
    await call(
      "POST",
      `files?name=${encodeURIComponent(file.name)}`,
      file,
      "application/octet-stream",
    )
  ).key;

/** Where the bytes of a file are. */
export const fileUrl = (fileId) => `/control/files/${encodeURIComponent(fileId)}`;

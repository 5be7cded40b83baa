// `openai` for Node, as a program calls it: settings as they are, but for address and token.
import OpenAI from "openai";

import { run, sleep, thrice } from "./telling.mjs";

const POLLS_MOST = 300;
const client = ({ base_url, token }) => new OpenAI({ baseURL: base_url, apiKey: token });
const said = ({ model, prompt }) => ({ model, messages: [{ role: "user", content: prompt }] });
const asks = ({ model, prompt }) => ({ model, input: prompt, max_output_tokens: 12 });
const told = (response) => ({
  text: response.output_text,
  status: response.status,
  tokens: response.usage?.output_tokens,
});

async function chat(asked) {
  const answer = await client(asked).chat.completions.create({ ...said(asked), max_tokens: 12 });
  const [choice] = answer.choices;
  return {
    text: choice.message.content,
    finish: choice.finish_reason,
    tokens: answer.usage.completion_tokens,
  };
}

async function stream(asked) {
  const body = { ...said(asked), max_tokens: 12, stream: true };
  let text = "";
  let finish = null;
  for await (const chunk of await client(asked).chat.completions.create(body)) {
    text += chunk.choices[0]?.delta.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
  }
  return { text, finish };
}

const weather = {
  type: "function",
  function: {
    name: "weather",
    strict: true,
    parameters: {
      type: "object",
      properties: { town: { type: "string" } },
      required: ["town"],
      additionalProperties: false,
    },
  },
};

async function tools(asked) {
  const api = client(asked);
  const { model, messages } = said(asked);
  const first = await api.chat.completions.create({ model, messages, tools: [weather] });
  const { message } = first.choices[0];
  const [call] = message.tool_calls;
  const told = { role: "tool", tool_call_id: call.id, content: "rain in Lima" };
  const all = [...messages, message, told];
  const last = await api.chat.completions.create({ model, messages: all, tools: [weather] });
  return {
    name: call.function.name,
    arguments: JSON.parse(call.function.arguments),
    text: last.choices[0].message.content,
  };
}

async function streamOtherModel(asked) {
  const body = { ...said(asked), model: "org/none", stream: true };
  let chunks = 0;
  for await (const _ of await client(asked).chat.completions.create(body)) chunks += 1;
  return { chunks };
}

async function followed(asked) {
  const api = client(asked);
  const first = await api.responses.create({ ...asks(asked), background: true });
  let text = "";
  for await (const event of await api.responses.retrieve(first.id, { stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  return { text, first: first.status };
}

async function limited(asked) {
  const once = client(asked).withOptions({ maxRetries: 0 });
  for (let time = 0; time < 6; time += 1) {
    await once.chat.completions.create({ ...said(asked), max_tokens: 1 });
  }
  return {};
}

async function responses(asked) {
  return told(await client(asked).responses.create(asks(asked)));
}

async function responsesStream(asked) {
  const api = client(asked);
  const events = [];
  for await (const event of await api.responses.create({ ...asks(asked), stream: true })) {
    events.push(event);
  }
  const deltas = events.filter((event) => event.type === "response.output_text.delta");
  const { response } = events.at(-1);
  const after = events[Math.floor(events.length / 2)].sequence_number;
  const again = [];
  const rest = { stream: true, starting_after: after };
  for await (const event of await api.responses.retrieve(response.id, rest)) {
    again.push(event.sequence_number);
  }
  return {
    text: deltas.map((event) => event.delta).join(""),
    status: response.status,
    tokens: response.usage.output_tokens,
    numbers: events.map((event) => event.sequence_number),
    again,
    after,
  };
}

async function ended(api, response) {
  for (let poll = 0; poll < POLLS_MOST; poll += 1) {
    if (!["queued", "in_progress"].includes(response.status)) break;
    await sleep(1000);
    response = await api.responses.retrieve(response.id);
  }
  return response;
}

async function background(asked) {
  const api = client(asked);
  const first = await api.responses.create({ ...asks(asked), background: true });
  const last = await ended(api, first);
  await api.responses.delete(last.id);
  const gone = await api.responses.retrieve(last.id).catch((error) => error.code);
  return { ...told(last), first: first.status, gone };
}

async function cancel(asked) {
  const api = client(asked);
  const first = await api.responses.create({ ...asks(asked), background: true });
  const last = await ended(api, await api.responses.cancel(first.id));
  return { status: last.status, same: first.id === last.id, output: last.output.length };
}

async function models(asked) {
  const api = client(asked);
  const listed = [];
  for await (const model of api.models.list()) listed.push(model.id);
  return { listed, one: (await api.models.retrieve(asked.model)).id };
}

const raised = (error) => ({
  raised: error.constructor.name,
  status: error.status ?? null,
  code: error.code ?? null,
  param: error.param ?? null,
  type: error.type ?? null,
  message: error.message,
  retry_after: error.headers?.get("retry-after") ?? null,
});

await run(
  {
    chat,
    stream,
    responses,
    responses_stream: responsesStream,
    background,
    cancel,
    models,
    no_model: (asked) => client(asked).models.retrieve("org/none"),
    expired: chat,
    foreign: chat,
    unscoped: chat,
    bad_body: (asked) => client(asked).chat.completions.create({ ...said(asked), temperature: 99 }),
    absent: (asked) => client(asked).responses.retrieve(`resp_${"0".repeat(32)}`),
    other_model: (asked) => chat({ ...asked, model: "org/none" }),
    limited,
    waits_its_turn: thrice(chat),
    beyond_the_hops: chat,
    restart: chat,
    tools,
    followed,
    stream_other_model: streamOtherModel,
  },
  raised,
);

// The AI SDK, by its providers for compatible APIs and for OpenAI's own: settings as they are.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, jsonSchema, streamText, tool } from "ai";

import { run, thrice } from "./telling.mjs";

const chats = ({ base_url, token, model }) =>
  createOpenAICompatible({ name: "tiny", baseURL: base_url, apiKey: token })(model);
// OpenAI's own provider asks /responses.
const responds = ({ base_url, token, model }) =>
  createOpenAI({ baseURL: base_url, apiKey: token })(model);

const generate = (provider, more = {}) => async (asked) => {
  const { prompt } = asked;
  const model = provider(asked);
  const answer = await generateText({ model, prompt, maxOutputTokens: 12, ...more });
  return { text: answer.text, finish: answer.finishReason, tokens: answer.usage.outputTokens };
};

// It says nothing of its tries: a key tells the router that they are of one call.
const keyed = (asked) => {
  const headers = { "Idempotency-Key": "one-call" };
  return generate(chats, { headers })(asked);
};

async function tools(asked) {
  const called = [];
  const weather = tool({
    description: "Tell the weather of a town.",
    inputSchema: jsonSchema({ type: "object", properties: { town: { type: "string" } } }),
    execute: async (given) => {
      called.push(given);
      return "rain in Lima";
    },
  });
  const answer = await generateText({
    model: chats(asked),
    prompt: asked.prompt,
    tools: { weather },
    stopWhen: isStepCount(2),
  });
  return { name: "weather", arguments: called[0], text: answer.text };
}

const stream = (provider) => async (asked) => {
  const failures = [];
  const answer = streamText({
    model: provider(asked),
    prompt: asked.prompt,
    maxOutputTokens: 12,
    onError: ({ error }) => failures.push(error),
  });
  let text = "";
  for await (const piece of answer.textStream) text += piece;
  if (failures.length) throw failures[0];
  return { text, finish: await answer.finishReason };
};

const raised = (error) => {
  const last = error.lastError ?? error; // of an error that tells of all tries
  return {
    raised: error.name,
    status: last.statusCode ?? null,
    code: last.data?.error?.code ?? null,
    param: last.data?.error?.param ?? null,
    message: error.message,
  };
};

await run(
  {
    chat: generate(chats),
    stream: stream(chats),
    responses: generate(responds),
    responses_stream: stream(responds),
    expired: generate(chats),
    foreign: generate(chats),
    bad_body: generate(chats, { temperature: 99 }),
    other_model: (asked) => generate(chats)({ ...asked, model: "org/none" }),
    waits_its_turn: thrice(generate(chats)),
    beyond_the_hops: keyed,
    tools,
  },
  raised,
);

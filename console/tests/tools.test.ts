import { describe, expect, test } from 'vitest';
import { functionOf, newTool, type Parameter, schemaOf } from '@/workflow/tools';

describe('what a custom tool tells the model', () => {
  const parameters: Parameter[] = [
    { name: 'order', required: true, schema: { type: 'string', description: 'Its number', enum: ['a', 'b'] } },
    { name: 'limit', required: false, schema: { type: 'integer' } },
  ];

  test('is written and read again, with what is not shown kept', () => {
    expect(functionOf(schemaOf('find', 'Finds orders', parameters))).toEqual({
      description: 'Finds orders',
      parameters,
    });
  });

  test('may come without the function around it', () => {
    const bare = { description: 'Finds', parameters: { properties: { order: { type: 'string' } } } };
    expect(functionOf(bare)).toEqual({
      description: 'Finds',
      parameters: [{ name: 'order', required: false, schema: { type: 'string' } }],
    });
  });

  test('is nothing at first', () => {
    expect(functionOf(newTool('custom-tool').schema)).toEqual({ description: '', parameters: [] });
    expect(functionOf('no schema')).toEqual({ description: '', parameters: [] });
  });
});

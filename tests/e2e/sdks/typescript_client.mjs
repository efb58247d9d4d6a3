// Does with Sim's TypeScript client what its readers do, and prints what came of it as JSON. The client is as published.
import { SimStudioClient, SimStudioError } from "simstudio-ts-sdk";

const [baseUrl, apiKey, smallKey, echo, broken, measure] = process.argv.slice(2);
const client = new SimStudioClient({ apiKey, baseUrl });

async function attempt(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof SimStudioError)) throw error;
    return { raised: error.message, code: error.code, status: error.status };
  }
}

async function ended(taskId) {
  for (let look = 0; look < 1500; look++) {
    const job = await client.getJobStatus(taskId);
    if (["completed", "failed"].includes(job.status)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the job did not end");
}

function withFile(options) {
  const doc = [new File(["x".repeat(1000)], "letter.txt", { type: "text/plain" })];
  return attempt(() => client.executeWorkflow(measure, { doc }, options));
}

const seen = {
  fields: await attempt(() => client.executeWorkflow(echo, { q: "hello" })),
  text: await attempt(() => client.executeWorkflowSync(echo, "hello")),
  file: await withFile(),
  failed: await attempt(() => client.executeWorkflow(broken, {})),
  queued: await attempt(() => client.executeWorkflow(echo, { q: "later" }, { async: true })),
  status: await attempt(() => client.getWorkflowStatus(echo)),
  valid: await client.validateWorkflow(echo),
  usage: await attempt(() => client.getUsageLimits()),
  limit: client.getRateLimitInfo(),
  unknown_workflow: await attempt(() => client.executeWorkflow("nowhere", {})),
  unknown_status: await attempt(() => client.getWorkflowStatus("nowhere")),
  unknown_job: await attempt(() => client.getJobStatus("run_nowhere")),
};
seen.job = await ended(seen.queued.taskId);
seen.filed = await ended((await withFile({ async: true })).taskId);
client.setApiKey("sk-sim-wrong");
seen.wrong_key = await attempt(() => client.executeWorkflow(echo, {}));
client.setApiKey(smallKey);
seen.small = [];
while (seen.small.length < 100 && !seen.small.at(-1)?.raised) {
  seen.small.push(await attempt(() => client.executeWorkflow(echo, { q: "again" })));
}
seen.retried = await attempt(() => client.executeWithRetry(echo, { q: "again" }));
process.stdout.write(`${JSON.stringify(seen)}\n`, () => process.exit()); // the client's timers go on for half a minute

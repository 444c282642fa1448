// Prints the Khronos validator's report on the file named by the first argument, as JSON.
import { readFileSync } from 'node:fs';
import validator from 'gltf-validator';

const report = await validator.validateBytes(new Uint8Array(readFileSync(process.argv[2])), { maxIssues: 100 });
process.stdout.write(JSON.stringify(report));

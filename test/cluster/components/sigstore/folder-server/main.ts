// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { folderServer } from '../serve-folder.ts';

const [folder = '', host = '', port = ''] = process.argv.slice(2);
const server = folderServer(folder).listen(Number(port), host, () => console.log(`serving ${folder} at http://${host}:${port}`));
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});

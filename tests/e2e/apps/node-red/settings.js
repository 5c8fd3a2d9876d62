// Node-RED's settings: the page on the bridge's port, all that is written in /var, nothing asked of the network.
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: 8000,
  userDir: "/var",
  flowFile: "flows.json",
  credentialSecret: false,
  // The editor asks for the present form of its API with a header of its own, which no bridge passes on.
  httpAdminMiddleware(request, response, next) {
    request.headers["node-red-api-version"] ??= "v2";
    next();
  },
  telemetry: { enabled: false, updateNotification: false },
  externalModules: { palette: { allowInstall: false }, modules: { allowInstall: false } },
  editorTheme: { tours: false },
  logging: { console: { level: "info", metrics: false, audit: false } },
};

import lighthouse from "lighthouse";

const [url, port, ...onlyCategories] = process.argv.slice(2);

// Lighthouse empties the caches first and keeps the cookies: each run is the first visit of someone who is signed in.
const { lhr } = await lighthouse(url, { port, onlyCategories, logLevel: "error", disableFullPageScreenshot: true });

// Its connections would keep the process for seconds.
process.stdout.write(JSON.stringify(lhr), () => process.exit());

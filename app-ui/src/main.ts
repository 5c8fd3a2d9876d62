// Starts the page.
import { mount } from 'svelte';

import App from './App.svelte';
import './app.css';
import { Granary } from './granary.svelte';
import { takeLoginCode } from './lib/code';

// Before anything else can see it.
const code = takeLoginCode(window);
const target = document.getElementById('app');
const granary = new Granary(window, (...call) => fetch(...call));
await granary.speak();
if (target) mount(App, { target, props: { granary, code } });

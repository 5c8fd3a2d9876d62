// Starts the page.
import { mount } from 'svelte';

import App from './App.svelte';
import './app.css';
import { Granary } from './granary.svelte';
import { takeLoginCode } from './lib/code';

// Before anything else can see it.
const code = takeLoginCode(window);
const target = document.getElementById('app');
if (target) mount(App, { target, props: { granary: new Granary(window, (...call) => fetch(...call)), code } });
